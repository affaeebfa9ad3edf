//! The examples of RFC 9535 section 2, as its tables have them.

use serde_json::{Value, json};

use super::{Budget, Query, nodes};

/// Each row: a query, and what it selects as normalized path and JSON. Rows whose order the specification leaves
/// open stand here in sorted order of the members' names.
fn check(document: &str, rows: &[(&str, &[(&str, &str)])]) {
    let document: Value = serde_json::from_str(document).unwrap();
    for (expression, expected) in rows {
        let query = Query::parse(expression).unwrap_or_else(|refusal| panic!("{expression}: {refusal}"));
        let found: Vec<_> = nodes(&query, &document, &mut Budget::new(10_000))
            .unwrap()
            .into_iter()
            .map(|node| (node.path, node.value.clone()))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, json)| ((*path).to_owned(), serde_json::from_str::<Value>(json).unwrap()))
            .collect();
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn the_bookstore_of_section_1_5() {
    let document = json!({ "store": {
        "book": [
            { "category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95 },
            { "category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99 },
            { "category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553-21311-3", "price": 8.99 },
            { "category": "fiction", "author": "J. R. R. Tolkien", "title": "The Lord of the Rings", "isbn": "0-395-19395-8", "price": 22.99 },
        ],
        "bicycle": { "color": "red", "price": 399 },
    } });
    for (expression, paths) in [
        (
            "$.store.book[*].author",
            vec!["book'][0]['author", "book'][1]['author", "book'][2]['author", "book'][3]['author"],
        ),
        (
            "$.store..price",
            vec![
                "bicycle']['price",
                "book'][0]['price",
                "book'][1]['price",
                "book'][2]['price",
                "book'][3]['price",
            ],
        ),
        ("$..book[2].author", vec!["book'][2]['author"]),
        ("$..book[2].publisher", vec![]),
        ("$..book[-1].isbn", vec!["book'][3]['isbn"]),
        ("$..book[:2].title", vec!["book'][0]['title", "book'][1]['title"]),
        ("$..book[?@.isbn].title", vec!["book'][2]['title", "book'][3]['title"]),
        ("$..book[?@.price<10].title", vec!["book'][0]['title", "book'][2]['title"]),
    ] {
        let query = Query::parse(expression).unwrap();
        let found: Vec<_> = nodes(&query, &document, &mut Budget::new(10_000))
            .unwrap()
            .into_iter()
            .map(|node| node.path)
            .collect();
        let paths: Vec<_> = paths.into_iter().map(|path| format!("$['store']['{path}']")).collect();
        assert_eq!(found, paths, "{expression}");
    }
}

#[test]
fn name_selectors() {
    check(
        r#"{"o": {"j j": {"k.k": 3}}, "'": {"@": 2}}"#,
        &[
            ("$.o['j j']", &[("$['o']['j j']", r#"{"k.k": 3}"#)]),
            ("$.o['j j']['k.k']", &[("$['o']['j j']['k.k']", "3")]),
            (r#"$.o["j j"]["k.k"]"#, &[("$['o']['j j']['k.k']", "3")]),
            (r#"$["'"]["@"]"#, &[(r"$['\'']['@']", "2")]),
            (r"$['\'']['\u0040']", &[(r"$['\'']['@']", "2")]),
        ],
    );
}

#[test]
fn wildcards() {
    check(
        r#"{"o": {"j": 1, "k": 2}, "a": [5, 3]}"#,
        &[
            ("$[*]", &[("$['a']", "[5,3]"), ("$['o']", r#"{"j":1,"k":2}"#)]),
            ("$.o[*]", &[("$['o']['j']", "1"), ("$['o']['k']", "2")]),
            (
                "$.o[*, *]",
                &[("$['o']['j']", "1"), ("$['o']['k']", "2"), ("$['o']['j']", "1"), ("$['o']['k']", "2")],
            ),
            ("$.a[*]", &[("$['a'][0]", "5"), ("$['a'][1]", "3")]),
        ],
    );
}

#[test]
fn indices_and_slices() {
    check(
        r#"["a","b"]"#,
        &[("$[1]", &[("$[1]", r#""b""#)]), ("$[-2]", &[("$[0]", r#""a""#)]), ("$[2]", &[])],
    );
    check(
        r#"["a","b","c","d","e","f","g"]"#,
        &[
            ("$[1:3]", &[("$[1]", r#""b""#), ("$[2]", r#""c""#)]),
            ("$[5:]", &[("$[5]", r#""f""#), ("$[6]", r#""g""#)]),
            ("$[1:5:2]", &[("$[1]", r#""b""#), ("$[3]", r#""d""#)]),
            ("$[5:1:-2]", &[("$[5]", r#""f""#), ("$[3]", r#""d""#)]),
            (
                "$[::-1]",
                &[
                    ("$[6]", r#""g""#),
                    ("$[5]", r#""f""#),
                    ("$[4]", r#""e""#),
                    ("$[3]", r#""d""#),
                    ("$[2]", r#""c""#),
                    ("$[1]", r#""b""#),
                    ("$[0]", r#""a""#),
                ],
            ),
            ("$[1:3:0]", &[]),
            ("$[-2:]", &[("$[5]", r#""f""#), ("$[6]", r#""g""#)]),
            ("$[9007199254740991:-9007199254740991:-9007199254740991]", &[("$[6]", r#""g""#)]),
        ],
    );
}

#[test]
fn comparisons() {
    let document = json!({ "obj": { "x": "y" }, "arr": [2, 3] });
    for (comparison, expected) in [
        ("$.absent1 == $.absent2", true),
        ("$.absent1 <= $.absent2", true),
        ("$.absent == 'g'", false),
        ("$.absent1 != $.absent2", false),
        ("$.absent != 'g'", true),
        ("1 <= 2", true),
        ("1 > 2", false),
        ("13 == '13'", false),
        ("'a' <= 'b'", true),
        ("'a' > 'b'", false),
        ("$.obj == $.arr", false),
        ("$.obj != $.arr", true),
        ("$.obj == $.obj", true),
        ("$.obj != $.obj", false),
        ("$.arr == $.arr", true),
        ("$.arr != $.arr", false),
        ("$.obj == 17", false),
        ("$.obj != 17", true),
        ("$.obj <= $.arr", false),
        ("$.obj < $.arr", false),
        ("$.obj <= $.obj", true),
        ("$.arr <= $.arr", true),
        ("1 <= $.arr", false),
        ("1 >= $.arr", false),
        ("1 > $.arr", false),
        ("1 < $.arr", false),
        ("true <= true", true),
        ("true > true", false),
        ("1.0 == 1", true),
        ("100 == 1e2", true),
        ("-0 == 0", true),
    ] {
        let query = Query::parse(&format!("$[?{comparison}]")).unwrap();
        let found = nodes(&query, &document, &mut Budget::new(10_000)).unwrap();
        assert_eq!(!found.is_empty(), expected, "{comparison}");
    }
}

#[test]
fn filters() {
    check(
        r#"{"a": [3, 5, 1, 2, 4, 6, {"b": "j"}, {"b": "k"}, {"b": {}}, {"b": "kilo"}],
            "o": {"p": 1, "q": 2, "r": 3, "s": 5, "t": {"u": 6}}, "e": "f"}"#,
        &[
            ("$.a[?@.b == 'kilo']", &[("$['a'][9]", r#"{"b": "kilo"}"#)]),
            ("$.a[?(@.b == 'kilo')]", &[("$['a'][9]", r#"{"b": "kilo"}"#)]),
            ("$.a[?@>3.5]", &[("$['a'][1]", "5"), ("$['a'][4]", "4"), ("$['a'][5]", "6")]),
            (
                "$.a[?@.b]",
                &[
                    ("$['a'][6]", r#"{"b": "j"}"#),
                    ("$['a'][7]", r#"{"b": "k"}"#),
                    ("$['a'][8]", r#"{"b": {}}"#),
                    ("$['a'][9]", r#"{"b": "kilo"}"#),
                ],
            ),
            (
                "$[?@.*]",
                &[
                    ("$['a']", r#"[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}]"#),
                    ("$['o']", r#"{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}"#),
                ],
            ),
            ("$[?@[?@.b]]", &[("$['a']", r#"[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}]"#)]),
            (
                "$.o[?@<3, ?@<3]",
                &[("$['o']['p']", "1"), ("$['o']['q']", "2"), ("$['o']['p']", "1"), ("$['o']['q']", "2")],
            ),
            (r#"$.a[?@<2 || @.b == "k"]"#, &[("$['a'][2]", "1"), ("$['a'][7]", r#"{"b": "k"}"#)]),
            (
                r#"$.a[?match(@.b, "[jk]")]"#,
                &[("$['a'][6]", r#"{"b": "j"}"#), ("$['a'][7]", r#"{"b": "k"}"#)],
            ),
            (
                r#"$.a[?search(@.b, "[jk]")]"#,
                &[
                    ("$['a'][6]", r#"{"b": "j"}"#),
                    ("$['a'][7]", r#"{"b": "k"}"#),
                    ("$['a'][9]", r#"{"b": "kilo"}"#),
                ],
            ),
            ("$.o[?@>1 && @<4]", &[("$['o']['q']", "2"), ("$['o']['r']", "3")]),
            ("$.o[?@.u || @.x]", &[("$['o']['t']", r#"{"u": 6}"#)]),
            (
                "$.a[?@.b == $.x]",
                &[
                    ("$['a'][0]", "3"),
                    ("$['a'][1]", "5"),
                    ("$['a'][2]", "1"),
                    ("$['a'][3]", "2"),
                    ("$['a'][4]", "4"),
                    ("$['a'][5]", "6"),
                ],
            ),
            ("$.a[?!(@.b) && !@.c && @ > 5]", &[("$['a'][5]", "6")]),
            (
                "$[?length(@) == 10]",
                &[("$['a']", r#"[3,5,1,2,4,6,{"b":"j"},{"b":"k"},{"b":{}},{"b":"kilo"}]"#)],
            ),
            ("$[?count(@.*) == 5]", &[("$['o']", r#"{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}"#)]),
            ("$[?value(@..u) == 6]", &[("$['o']", r#"{"p":1,"q":2,"r":3,"s":5,"t":{"u":6}}"#)]),
        ],
    );
}

#[test]
fn a_dot_matches_no_line_end_and_match_is_anchored() {
    check(
        r#"["ab", "xab", "a\nb", "a\rb", "a\u2028b"]"#,
        &[
            ("$[?match(@, 'a.?b|q')]", &[("$[0]", r#""ab""#), ("$[4]", "\"a\\u2028b\"")]),
            ("$[?search(@, 'ab')]", &[("$[0]", r#""ab""#), ("$[1]", r#""xab""#)]),
        ],
    );
}

#[test]
fn child_and_descendant_segments() {
    check(
        r#"["a","b","c","d","e","f","g"]"#,
        &[
            ("$[0, 3]", &[("$[0]", r#""a""#), ("$[3]", r#""d""#)]),
            ("$[0:2, 5]", &[("$[0]", r#""a""#), ("$[1]", r#""b""#), ("$[5]", r#""f""#)]),
            ("$[0, 0]", &[("$[0]", r#""a""#), ("$[0]", r#""a""#)]),
        ],
    );
    check(
        r#"{"o": {"j": 1, "k": 2}, "a": [5, 3, [{"j": 4}, {"k": 6}]]}"#,
        &[
            ("$..j", &[("$['a'][2][0]['j']", "4"), ("$['o']['j']", "1")]),
            ("$..[0]", &[("$['a'][0]", "5"), ("$['a'][2][0]", r#"{"j": 4}"#)]),
            ("$..o", &[("$['o']", r#"{"j": 1, "k": 2}"#)]),
            (
                "$.o..[*, *]",
                &[("$['o']['j']", "1"), ("$['o']['k']", "2"), ("$['o']['j']", "1"), ("$['o']['k']", "2")],
            ),
            (
                "$.a..[0, 1]",
                &[
                    ("$['a'][0]", "5"),
                    ("$['a'][1]", "3"),
                    ("$['a'][2][0]", r#"{"j":4}"#),
                    ("$['a'][2][1]", r#"{"k":6}"#),
                ],
            ),
        ],
    );
}

#[test]
fn null_is_a_value() {
    check(
        r#"{"a": null, "b": [null], "c": [{}], "null": 1}"#,
        &[
            ("$.a", &[("$['a']", "null")]),
            ("$.a[0]", &[]),
            ("$.a.d", &[]),
            ("$.b[0]", &[("$['b'][0]", "null")]),
            ("$.b[*]", &[("$['b'][0]", "null")]),
            ("$.b[?@]", &[("$['b'][0]", "null")]),
            ("$.b[?@==null]", &[("$['b'][0]", "null")]),
            ("$.c[?@.d==null]", &[]),
            ("$.null", &[("$['null']", "1")]),
        ],
    );
}
