import { bareWasm, cordon, stockJco, type Called } from './linker-contenders.ts'

/** Prints the resident memory that one idle instance takes, in KiB: `linker-idle.ts bare|jco|cordon count`. Each was called once. */
const [wanted = '', count = '1000'] = process.argv.slice(2)
const makers = { bare: bareWasm, jco: stockJco, cordon } as const
const make = Object.entries(makers).find(([name]) => name === wanted)?.[1]
if (make === undefined) throw new Error(`expected bare, jco or cordon, got \`${wanted}\``)
const way = await make()
const collect = (globalThis as { gc?: () => void }).gc ?? (() => undefined)

const settle = async (): Promise<number> => {
  for (let nth = 0; nth < 3; nth++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return process.memoryUsage.rss()
}

const alive: Called[] = []
for (let nth = 0; nth < 100; nth++) alive.push(await way.instantiate())
const before = await settle()
for (let nth = 0; nth < Number(count); nth++) {
  const called = await way.instantiate()
  await called.add(1, 2)
  alive.push(called)
}
const after = await settle()
process.stdout.write(String((after - before) / 1024 / Number(count)))
process.exit(alive.length > 0 ? 0 : 1)
