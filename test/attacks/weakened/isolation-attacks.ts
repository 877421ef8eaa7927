import type { Attack } from './attack.ts'

const fs = 'src/host/providers/fs'
const kept = 'host/providers/http/kept-connections.test.ts'
const effective = 'src/core/policy/effective.ts'

/** A: what a guest sees of the host though nobody granted it, and what one session opens for another. */
export const isolationAttacks: readonly Attack[] = [
  {
    id: 'A3',
    tries: '/proc/self/environ, /proc/self/root and descriptors of the host, by links',
    proofs: [
      {
        test: 'attacks/files/escapes.test.ts',
        named: 'to /proc/self/environ are refused',
        without: [
          [`${fs}/walk.ts`, 'return follows && (await this.#expand(segment))', 'return follows && segment === ""'],
          [`${fs}/live-tree.ts`, 'open(this.#entry(name), O_PATH | constants.O_NOFOLLOW)', 'open(this.#entry(name), O_PATH)'],
        ],
      },
      {
        test: 'attacks/files/escapes.test.ts',
        named: 'to /proc/self/root are refused',
        without: [[`${fs}/guest-path.ts`, "if (path.startsWith('/')) throw fsFault('not-permitted', 'absolute path')", '']],
      },
    ],
  },
  {
    id: 'A5',
    tries: 'the environment, the arguments and the working folder of the host',
    proofs: [
      {
        test: 'cell/adapters/command.test.ts',
        named: 'shows the environment and arguments of the session, and nothing of the process',
        without: [
          [
            'src/cell/adapters/wasi/process.ts',
            'slot.scope.world.start.env.map(',
            'Object.entries(process.env as Record<string, string>).map(',
          ],
        ],
      },
      {
        test: 'cell/adapters/command.test.ts',
        named: 'shows the environment and arguments of the session, and nothing of the process',
        without: [['src/cell/adapters/wasi/process.ts', 'initialCwd: (): undefined => undefined', 'initialCwd: () => process.cwd()']],
      },
      {
        test: 'core/policy/effective.test.ts',
        named: 'are read from the host only when granted and asked for',
        without: [[effective, 'isAsked ? readVariable(rule, host) : { kind, origin, name, value: undefined }', 'readVariable(rule, host)']],
      },
    ],
  },
  {
    id: 'A6',
    tries: 'the network by the way that nobody thought of, or by what another session was granted',
    proofs: [
      {
        test: 'attacks/network/sockets.test.ts',
        named: 'another port, another address and another protocol are denied',
        without: [
          [
            'src/core/policy/match-sockets.ts',
            "action === 'tcp:connect' || action === 'tcp:listen' ? rules.tcp : rules.udp",
            'action.length > 0 ? rules.tcp : rules.udp',
          ],
        ],
      },
      {
        test: kept,
        named: 'never by another session',
        without: [
          [
            'src/host/providers/http/http-provider.ts',
            'idle: new IdleConnections() }',
            'idle: ((globalThis as { idleOfAll?: IdleConnections }).idleOfAll ??= new IdleConnections()) }',
          ],
        ],
      },
    ],
  },
  {
    id: 'A11',
    tries: 'a denied name in other letters: composed otherwise, in another case, by another spelling',
    proofs: [
      {
        test: 'core/policy/decide.test.ts',
        named: 'denies cover what is below, in any case and composition',
        without: [['src/core/policy/match.ts', "path.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFC')", 'path']],
      },
      {
        test: 'core/policy/decide.test.ts',
        named: 'a denied path is denied as a sloppy server may read it',
        without: [
          [
            'src/core/policy/match.ts',
            "return [path, collapsed, withoutParameters, withoutParameters.replace(/(?<=.)\\/$/, '')]",
            'void collapsed\n  void withoutParameters\n  return [path]',
          ],
        ],
      },
    ],
  },
]
