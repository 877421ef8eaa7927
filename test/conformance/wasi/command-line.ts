import type { Expectation, OperationOf } from './expectation.ts'

/** A folder of the host that is mounted for a program. */
export interface Mounted {
  readonly host: string
  readonly guest: string
}

/** What a program's command line is made from. */
export interface ProgramParts {
  readonly program: string
  readonly expectation: Pick<Expectation, 'proposals' | 'world'>
  readonly run: Pick<OperationOf<'run'>, 'args' | 'env'>
  readonly mounts: readonly Mounted[]
  /** `NAME` → `address:port` of servers that are there for it. */
  readonly servers: Readonly<Record<string, string>>
  /** Further options of the command line, the same for all programs. */
  readonly options: readonly string[]
}

/** Places that a program with the `sockets` proposal may listen at, on a port that the system chooses. */
const loopback = ['127.0.0.1', '[::1]'] as const

const serverFlags = ({ expectation, servers }: ProgramParts): readonly string[] =>
  Object.values(servers).flatMap((address) => [
    `--allow-net=http://${address}`,
    ...(expectation.proposals.includes('sockets') ? [`--allow-tcp=${address}`] : []),
  ])

const socketFlags = ({ proposals }: ProgramParts['expectation']): readonly string[] =>
  proposals.includes('sockets') ? loopback.flatMap((place) => [`--allow-tcp=listen:${place}`, `--allow-udp=listen:${place}`]) : []

/** The command line that grants a program what its expectation names, and nothing else. */
export const commandLine = (parts: ProgramParts): readonly string[] => {
  const { program, expectation, run, mounts, servers, options } = parts
  const environment = Object.entries({ ...run.env, ...servers }).map(([name, value]) => `--allow-env=${name}=${value}`)
  const grants = [
    ...environment,
    ...mounts.map(({ host, guest }) => `--mount=${host}:${guest}:rw`),
    ...serverFlags(parts),
    ...socketFlags(expectation),
  ]
  return expectation.world === 'wasi:http/service'
    ? ['serve', '--listen=127.0.0.1:0', ...grants, ...options, program]
    : ['run', '--quiet', ...grants, ...options, program, '--', ...run.args]
}
