import { CordonError } from '#core/errors.ts'

/** The first that reserves a local address before it listens there (`net.BoundSocket`). */
const oldestNode = { major: 26, minor: 4 }

/** Whether WebAssembly can suspend its stack (JavaScript Promise Integration). */
const canSuspend = (): boolean => {
  const wasm: unknown = Reflect.get(globalThis, 'WebAssembly')
  return typeof wasm === 'object' && wasm !== null && 'Suspending' in wasm
}

/** Throws CordonError `node.too-old` on a Node that cannot run guests. */
export const checkNode = (): void => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOld = major < oldestNode.major || (major === oldestNode.major && minor < oldestNode.minor)
  if (isOld || !canSuspend()) {
    throw new CordonError(
      'node.too-old',
      `cordon needs Node ${oldestNode.major}.${oldestNode.minor} or newer, this is ${process.versions.node}`,
      {
        hint: 'npm install --save-dev node@26, and run it with npx',
      },
    )
  }
}
