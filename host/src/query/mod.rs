//! RFC 9535 JSONPath over a JSON value, with a budget for every node visited.
