import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createRuntime, detectLevels, type Agent as GuestAgent, type IsolationLevel, type Runtime } from '#index.ts'
import { sideBySide, timed, type Contender, type Measured } from './measure.ts'
import { ResidentPeak } from './resident-peak.ts'
import { startByteServer } from './byte-server.ts'
import { streamGuest } from './stream-guest.ts'

/**
 * What moving many bytes through a guest costs at each level, against plain Node streams over the same file and the same server, and what polling
 * many pollables costs. `BENCH_MB` sets the size (256), `BENCH_ROUNDS` the rounds (5).
 */
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const megabytes = Number(process.env['BENCH_MB'] ?? 256)
const bytes = megabytes * 1024 * 1024
const only = process.env['BENCH_LEVELS']?.split(',')
const scratch = mkdtempSync(join(tmpdir(), 'cordon-streams-'))
const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const folder = join(scratch, 'data')
mkdirSync(folder)
const [source, target] = [join(folder, 'in'), join(folder, 'out')]
writeFileSync(source, Buffer.alloc(bytes, 'some text that is not all the same, '))

const server = await startByteServer(bytes)
const host = `127.0.0.1:${server.port}`

const expectBytes = (count: number): void => {
  if (count !== bytes) throw new Error(`expected ${bytes} bytes, got ${count}`)
}

const counted = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
  let count = 0
  for await (const chunk of stream) count += chunk.length
  expectBytes(count)
}

const responseOf = (): Promise<Readable> =>
  new Promise((resolve, reject) => {
    get(`http://${host}/`, { agent: new Agent() }, resolve).on('error', reject)
  })

const uploaded = async (): Promise<void> => {
  const piece = Buffer.alloc(65_536, 'x')
  const pieces = Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length))
    })(),
  )
  const sent = request(`http://${host}/`, { method: 'POST', agent: new Agent() })
  const answered = new Promise<Readable>((resolve, reject) => sent.on('response', resolve).on('error', reject))
  await pipeline(pieces, sent)
  const text = Buffer.concat(await (await answered).toArray()).toString()
  expectBytes(Number(text))
}

interface Level {
  readonly level: IsolationLevel
  readonly runtime: Runtime
  readonly agent: GuestAgent
}

const limits = { timeout: '10m', cpuTime: '10m', ingress: '10Gi', egress: '10Gi', calls: 100_000, handles: 4096 }
const levels: Level[] = []
for (const { level, ok, reason } of await detectLevels()) {
  if (!ok || (only !== undefined && !only.includes(level))) {
    tell(`${level}: left out, ${reason ?? 'not asked for'}`)
    continue
  }
  const runtime = await createRuntime({
    audit: join(scratch, level),
    cacheDir: join(scratch, 'cache'),
    pool: { isolation: level, max: 1 },
    allow: { mounts: [{ host: folder, guest: '/data', mode: 'rw' }], net: [{ host, scheme: 'http' }], limits },
  })
  levels.push({ level, runtime, agent: await runtime.loadComponent(await streamGuest(), { name: 'bench' }) })
}

const peaks = new Map<string, number>()

/** A run of the guest, which must answer `expected`. */
const guestRun = async (agent: GuestAgent, input: string, expected: number): Promise<void> => {
  const { result } = await agent.run(input)
  if (result !== expected) throw new Error(`expected ${expected}, got ${JSON.stringify(result)}`)
}

const contender = (name: string, work: () => Promise<unknown>): Contender => ({
  name,
  times: 1,
  once: async () => {
    using peak = new ResidentPeak(server.pid)
    const us = await timed(1, work)
    peaks.set(name, Math.max(peaks.get(name) ?? 0, peak.grownBytes()))
    return us
  },
})

/** Each way at each level, by reads of 64 KiB and of 1 MiB. */
const ways = (what: string, input: (chunk: number) => string, expected = bytes): readonly Contender[] =>
  levels.flatMap(({ level, agent }) =>
    [64, 1024].map((kib) => contender(`${what}, ${level}, ${kib} KiB`, () => guestRun(agent, input(kib * 1024), expected))),
  )

const answer = String(bytes).length
const questions: readonly (readonly [string, readonly Contender[]])[] = [
  [
    'a file read',
    [contender('plain Node: createReadStream', () => counted(createReadStream(source))), ...ways('read', (chunk) => `r ${chunk}`)],
  ],
  [
    'a file copied',
    [
      contender('plain Node: createReadStream → createWriteStream', () => pipeline(createReadStream(source), createWriteStream(target))),
      ...ways('read and written', (chunk) => `c ${chunk}`),
      ...ways('spliced', (chunk) => `s ${chunk}`),
    ],
  ],
  [
    'a response body',
    [contender('plain Node: http.get', async () => counted(await responseOf())), ...ways('read', (chunk) => `d ${chunk} ${host}`)],
  ],
  [
    'a request body',
    [contender('plain Node: http.request', uploaded), ...ways('written', (chunk) => `u ${chunk} ${host} ${bytes}`, answer)],
  ],
  [
    'a response body into a file',
    [
      contender('plain Node: http.get → createWriteStream', async () => pipeline(await responseOf(), createWriteStream(target))),
      ...ways('spliced', (chunk) => `f ${chunk} ${host}`),
    ],
  ],
]

const rowOf = ({ name, median, p25, p75, ratio }: Measured): string => {
  const rate = (us: number): string => (bytes / us).toFixed(0)
  const part = `${(100 / ratio).toFixed(0)} %`
  const peak = `+${((peaks.get(name) ?? 0) / 1024 / 1024).toFixed(0)} MiB`
  return `  ${name.padEnd(50)} ${rate(median).padStart(6)} ${`${rate(p75)} – ${rate(p25)}`.padStart(16)} ${part.padStart(7)} ${peak.padStart(10)}`
}

const results: Record<string, readonly Measured[]> = {}
for (const [question, contenders] of questions) {
  tell(question)
  results[question] = await sideBySide(contenders, rounds, () => undefined)
  process.stdout.write(
    `\n${question} (MB/s: median, quartiles; part of plain Node; resident memory)\n${results[question].map(rowOf).join('\n')}\n`,
  )
}

const pollables = 200_000

/** Microseconds that one of `count` pollables costs in one poll that need not wait. */
const perPollable = async (agent: GuestAgent, count: number): Promise<number> => {
  const polls = pollables / count
  const some = await timed(1, () => guestRun(agent, `p ${count} ${polls}`, polls))
  const more = await timed(1, () => guestRun(agent, `p ${count} ${polls * 3}`, polls * 3))
  return (more - some) / (polls * 2) / count
}

tell('polling')
const polling = await sideBySide(
  levels.flatMap(({ level, agent }) =>
    [10, 100, 1000].map((count) => ({ name: `${level}: one of ${count} pollables`, times: 1, once: () => perPollable(agent, count) })),
  ),
  rounds,
  () => undefined,
)
process.stdout.write('\npolling (µs for each pollable in a poll: median; ratio to the first)\n')
for (const { name, median, ratio } of polling) {
  process.stdout.write(`  ${name.padEnd(50)} ${median.toFixed(3).padStart(8)} ${`${ratio.toFixed(2)}×`.padStart(8)}\n`)
}

const out = process.env['BENCH_JSON']
if (out !== undefined) writeFileSync(out, JSON.stringify({ node: process.versions.node, rounds, megabytes, results, polling }, null, 2))
for (const { runtime } of levels) await runtime[Symbol.asyncDispose]()
server.stop()
rmSync(scratch, { recursive: true, force: true })
process.exit(0)
