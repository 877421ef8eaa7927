#!/usr/bin/env node
// The first file of the command line imports nothing, so that a Node that is too old reaches the one line that says so.
const oldestNode = 26.4
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 26 || (major === 26 && minor < 4)) {
  process.stderr.write(
    `cordon needs Node ${oldestNode} or newer, this is ${process.versions.node}: npm install --save-dev node@26, then run it with npx\n`,
  )
  process.exitCode = 125
} else {
  const { main } = await import('./main.ts')
  await main(process.argv.slice(2))
}
