// Builds the JavaScript component that `cargo bench --bench worker` loads, some 12 MB:
//   npm i @bytecodealliance/componentize-js && node host/benches/component.mjs OUT.wasm
import { componentize } from '@bytecodealliance/componentize-js';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const source = `
import { query } from 'wassert:pack/evidence@0.1.0';
import { emit } from 'wassert:pack/report@0.1.0';
export const assertions = {
  describe() {
    return [{ name: 'exit', summary: 'The exit code is 0.', parametersSchema: '', reads: ['turns'] }];
  },
  check(name, parameters) {
    const [node] = query('$.turns[0].exit', 0, 1);
    const outcome = node.json === '0' ? 'pass' : 'fail';
    emit({ outcome, message: 'the exit code', at: [{ path: node.path }], expected: '0', extra: '' });
  },
};`;
const { component } = await componentize(source, {
  witPath: fileURLToPath(new URL('../../guest-sdk/wit', import.meta.url)),
  worldName: 'pack',
  disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
});
await writeFile(process.argv[2], component);
