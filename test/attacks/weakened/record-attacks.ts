import type { Attack } from './attack.ts'

const verify = 'src/core/audit/verify.ts'
const auditLog = 'host/log/audit-log.test.ts'
const auditAttacks = 'attacks/audit/audit.test.ts'
const cache = 'host/ingest/cache.test.ts'
const cacheSource = 'src/host/ingest/cache.ts'
const interfaces = 'src/core/implemented-interfaces.ts'
const programs = 'attacks/programs/preview1.test.ts'
const program = 'src/host/ingest/program.ts'
const terminal = 'attacks/terminal.test.ts'

/** F: records and supply chain. */
export const recordAttacks: readonly Attack[] = [
  {
    id: 'F1',
    tries: 'to edit, cut, reorder, double, roll back or rewrite records, or to have one lost',
    proofs: [
      {
        test: auditLog,
        named: 'an edited record is named',
        without: [[verify, 'if (record.prev !== this.#prev) {', "if (record.prev === '') {"]],
      },
      {
        test: auditLog,
        named: 'an edited last record is noticed by the signed head',
        without: [
          [
            verify,
            'this.#rootAtHead === undefined || hex(this.#rootAtHead) !== hex(head.checkpoint.root)',
            'this.#rootAtHead === undefined',
          ],
        ],
      },
      {
        test: auditLog,
        named: 'a cut end, a cut middle, a reordering',
        without: [[verify, 'if (head.checkpoint.size > size)\n', 'if (head.checkpoint.size < 0)\n']],
      },
      {
        test: auditLog,
        named: 'a log rewritten from the start under another key',
        without: [
          [verify, 'this.#publicKey !== undefined && !this.#signedBy(this.#publicKey, head)', 'this.#publicKey !== undefined && false'],
        ],
      },
      {
        test: auditLog,
        named: 'a second writer is refused while the first one lives',
        without: [
          [
            'src/host/log/folder-lock.ts',
            "return now !== '' && now === started ? pid : undefined",
            "return now === 'never' && now === started ? pid : undefined",
          ],
        ],
      },
      {
        test: auditLog,
        named: 'on a full disk what is under way is still recorded',
        without: [['src/host/log/audit-log.ts', 'if (this.#full && (event.type', 'if (!this.#full && this.#closed && (event.type']],
      },
      {
        test: 'host/broker/broker.test.ts',
        named: 'when the decision cannot be recorded, nothing is done and the session ends',
        without: [
          [
            'src/host/broker/broker.ts',
            'const receipt = await this.#options.audit.append(event, { durable })',
            "const receipt = await this.#options.audit.append(event, { durable }).catch(() => ({ seq: 0, hash: '', callId: 'call' in event ? event.call : '' }))",
          ],
        ],
      },
      {
        test: 'host/broker/broker.test.ts',
        named: 'a read need not wait for stable storage, an act outside must',
        without: [
          [
            'src/host/broker/broker.ts',
            "decision.effect === 'allow' && plan.effect === 'external'",
            "decision.effect === 'deny' && plan.effect === 'external'",
          ],
        ],
      },
    ],
  },
  {
    id: 'F2',
    tries: 'to reach the log or its key, or to forge lines of it and of the terminal',
    proofs: [
      {
        test: auditLog,
        named: 'the signing key is readable by its owner only, or refused',
        without: [['src/host/log/audit-key.ts', '(mode & 0o077) === 0 && ', '']],
      },
      {
        test: auditAttacks,
        named: 'bytes that are no UTF-8 are no other way to write a record',
        because: 'the decoder that replaced them was the defence: it was seen to fail with `toString`',
      },
      {
        test: terminal,
        named: 'one line stays one line',
        without: [['src/core/printable.ts', '\\p{Zl}\\p{Zp}', '']],
      },
      {
        test: terminal,
        named: 'is shown without obeying it, whatever its fields hold',
        because: 'it runs the command line as its own process; it was seen to fail with `printableJson` replaced by `JSON.stringify`',
      },
    ],
  },
  {
    id: 'F3',
    tries: 'other bytes than those that were looked at: by a changed cache, a planted link, another bundle under the same name',
    proofs: [
      {
        test: cache,
        named: 'refuses, deletes and replaces an entry with any byte changed',
        without: [
          [
            cacheSource,
            '!timingSafeEqual(entry.subarray(0, macBytes), this.#macOf(key, bytes))',
            '!timingSafeEqual(this.#macOf(key, bytes), this.#macOf(key, bytes))',
          ],
        ],
      },
      {
        test: cache,
        named: 'refuses an entry that is authentic but was written under another key',
        without: [[cacheSource, 'update(`cordon artifact ${key}\\n`)', 'update(`cordon artifact ${key.length}\\n`)']],
      },
      {
        test: cache,
        named: 'follows no link that was planted under the name of an entry',
        without: [
          [cacheSource, 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK', 'constants.O_RDONLY | constants.O_NONBLOCK'],
          [cacheSource, 'update(`cordon artifact ${key}\\n`)', 'update(`cordon artifact ${key.length}\\n`)'],
        ],
      },
      {
        test: 'host/ingest/artifact-codec.test.ts',
        named: 'of a component with any byte changed or cut is refused, or still has only what is allowed',
        because: 'the reader of artifacts takes nothing that is not of its shape: each part has a test of its own there',
      },
    ],
  },
  {
    id: 'F4',
    tries: 'to import what nobody declared, a newer version, or a function under another type',
    proofs: [
      {
        test: 'core/implemented-interfaces.test.ts',
        named: 'names the first import that is unknown, and what there is of its package',
        without: [
          [interfaces, 'if (range === undefined) return unknownInterface(name, parsed.id)', 'if (range === undefined) return undefined'],
        ],
      },
      {
        test: 'host/ingest/ingest.test.ts',
        named: 'wasi:io/poll@0.3.0 is refused by name',
        inCopy: true,
        without: [[interfaces, 'return match?.[1] === range.series', 'return match !== null']],
      },
      {
        test: 'host/ingest/artifact-codec.test.ts',
        named: 'with an import that this host does not have is refused',
        without: [
          [
            'src/host/ingest/artifact-codec.ts',
            "if (problem !== undefined) throw new CordonError('component.import-unknown'",
            "if (problem?.message === '') throw new CordonError('component.import-unknown'",
          ],
        ],
      },
      {
        test: 'host/ingest/plan.test.ts',
        named: 'of a resource (that the interface does not have|of the world)',
        without: [['src/host/ingest/plan-imports.ts', 'if (foreign !== undefined)', "if (foreign?.name === '')"]],
      },
      {
        test: 'host/ingest/ingest.test.ts',
        named: 'evil:pkg/iface@1.0.0 is refused by name',
        inCopy: true,
        without: [
          [interfaces, 'if (range === undefined) return unknownInterface(name, parsed.id)', 'if (range === undefined) return undefined'],
        ],
      },
      {
        test: 'host/ingest/ingest.test.ts',
        named: 'a function that the interface does not have is refused by name',
        inCopy: true,
        without: [
          ['src/host/ingest/plan-imports.ts', 'if (!Object.hasOwn(known, member)) throw', "if (member === '') throw"],
          [
            'src/host/ingest/plan-imports.ts',
            'if (known[member] === signature) continue',
            'if (known[member] === signature || member.length > 0) continue',
          ],
        ],
      },
    ],
  },
  {
    id: 'F4-programs',
    tries: 'a program of preview 1 that imports by hostile names or other types, or is not what it says',
    proofs: [
      {
        test: programs,
        named: 'that are those of what wraps it gets nothing by them',
        inCopy: true,
        without: [
          [program, 'if (module !== preview1Module) {', "if (module === '') {"],
          [program, 'if (known === undefined) throw', "if (name === '') throw"],
          [program, 'if (typeOf(known) !== typeOf(type))', "if (name === '')"],
        ],
      },
      {
        test: 'host/build/preview1-wrapping.test.ts',
        named: '(another type of one that it has|a global in the place of one)',
        inCopy: true,
        without: [[program, 'if (typeOf(known) !== typeOf(type))', "if (name === '')"]],
      },
    ],
  },
]
