import type { Attack } from './attack.ts'

const folder = 'src/host/providers/keyvalue'
const sealing = `${folder}/sealing.ts`
const stores = `${folder}/namespace-stores.ts`
const provider = `${folder}/keyvalue-provider.ts`
const database = `${folder}/database-file.ts`
const attacksTest = 'attacks/keyvalue/keyvalue.test.ts'
const providerTest = 'host/providers/keyvalue/keyvalue-provider.test.ts'
const loggingTest = 'host/providers/logging/logging-provider.test.ts'
const logging = 'src/host/providers/logging/logging-provider.ts'

/** Stores, settings and log lines. */
export const storeAttacks: readonly Attack[] = [
  {
    id: 'A10-stores',
    tries: 'a store whose name leads out of the folder of all stores',
    proofs: [
      {
        test: attacksTest,
        named: 'makes no file by the name of a store',
        without: [[provider, 'if (!storeName.test(store)) throw', "if (store === 'default ') throw"]],
      },
    ],
  },
  {
    id: 'C10-stores',
    tries: 'to reach the store of another agent, or one that was not granted',
    proofs: [
      {
        test: attacksTest,
        named: 'reaches nothing of another one, whatever names they choose',
        inCopy: true,
        without: [
          [
            sealing,
            "framed(['cordon keyvalue database 1', namespace])",
            "framed(['cordon keyvalue database 1', namespace.trim().toLowerCase()])",
          ],
          [sealing, "framed(['cordon keyvalue 1', purpose, namespace])", "framed(['cordon keyvalue 1', purpose])"],
        ],
      },
      {
        test: providerTest,
        named: 'is what was granted: reading alone, that store alone',
        without: [
          ['src/core/policy/match.ts', "rule.store === store && (action === 'kv:read' || rule.mode === 'rw')", 'rule.store === store'],
        ],
      },
      {
        test: providerTest,
        named: 'ends with its handle, which is no other handle',
        without: [
          [
            provider,
            "if (!(open instanceof OpenBucket)) throw new GuestFault('bad-descriptor')\n    return open",
            'return open as OpenBucket',
          ],
        ],
      },
      {
        test: 'attacks/keyvalue/namespaces.test.ts',
        named: 'a bundle that takes the name or the digest of another for its own name gets none of its stores',
        without: [['src/host/session/store-namespace.ts', 'agents.has(agent.digest)', "agents.has('')"]],
      },
      {
        test: 'attacks/keyvalue/namespaces.test.ts',
        named: 'a bundle that takes the name or the digest of another for its own name gets none of its stores',
        without: [['src/host/session/store-namespace.ts', ': `name ${agent.name}`', ': agent.name']],
      },
    ],
  },
  {
    id: 'E1-stores',
    tries: 'to fill the disk through a store, together with others',
    proofs: [
      {
        test: attacksTest,
        named: 'that share a quota never get past it, from threads and connections of their own',
        inCopy: true,
        without: [[stores, 'if (bytes > 0 && account.bytes + bytes > quotaBytes)', 'if (quotaBytes < 0)']],
      },
      {
        test: providerTest,
        named: 'is bounded in size: keys, values, what a session may send and take',
        without: [[provider, 'if (Buffer.byteLength(key) > maxKeyLength) throw', 'if (maxKeyLength < 0) throw']],
      },
    ],
  },
  {
    id: 'F1-stores',
    tries: 'to swap, move, remove, add or roll back entries by writing the file of the database',
    proofs: [
      {
        test: attacksTest,
        named: 'swaps all but the place: the store gives nothing more',
        inCopy: true,
        without: [
          [
            sealing,
            "framed(['value', at.store, at.tag, at.place, revision]))\n  }\n\n  /** Throws {@link StoreFault} `unavailable` for what was not sealed for this place and revision. */",
            "framed(['value']))\n  }\n",
          ],
          [
            sealing,
            "return this.#open(sealed, framed(['value', at.store, at.tag, at.place, revision]))",
            "return this.#open(sealed, framed(['value']))",
          ],
          [stores, 'if (Buffer.compare(sum.bytes, account.sum.bytes) !== 0) throw', 'if (sum === undefined) throw'],
        ],
      },
      {
        test: attacksTest,
        named: '(removes an entry|adds an entry): the store gives nothing more',
        inCopy: true,
        without: [[stores, 'if (Buffer.compare(sum.bytes, account.sum.bytes) !== 0) throw', 'if (sum === undefined) throw']],
      },
      {
        test: attacksTest,
        named: 'puts an older entry back in its place: found by the next process',
        inCopy: true,
        without: [[stores, 'if (Buffer.compare(sum.bytes, account.sum.bytes) !== 0) throw', 'if (sum === undefined) throw']],
      },
      {
        test: attacksTest,
        named: 'counts a store down, to get round its quota',
        inCopy: true,
        without: [[stores, "if (Buffer.compare(this.#mac(store, account), bytesIn(row, 'mac')) !== 0) throw", "if (store === '') throw"]],
      },
      {
        test: attacksTest,
        named: 'adds a trigger: the store gives nothing more',
        inCopy: true,
        without: [
          [
            database,
            'if (found.length !== tables.length || !tables.every((table) => found.includes(table))) {',
            'if (!tables.every((table) => found.includes(table))) {',
          ],
        ],
      },
    ],
  },
  {
    id: 'F2-stores',
    tries: 'to read what is in a store by its file, or to have it written elsewhere by a link',
    proofs: [
      {
        test: providerTest,
        named: 'is closed to others, as are the databases, and says nothing of their content',
        inCopy: true,
        without: [[stores, 'this.#seal.sealKey(at, key), sealed)', 'utf8.encode(key), sealed)']],
      },
      {
        test: providerTest,
        named: 'is not used when others can look into it, or when the file of a database is a link',
        inCopy: true,
        without: [
          [database, 'O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK', 'O_RDWR | O_CREAT | O_NONBLOCK'],
          [database, 'const { O_RDWR, O_CREAT, O_NOFOLLOW, O_NONBLOCK }', 'const { O_RDWR, O_CREAT, O_NONBLOCK }'],
        ],
      },
    ],
  },
  {
    id: 'D1-settings',
    tries: 'settings that were granted to others, or that nobody asked for',
    proofs: [
      {
        test: 'host/runtime/config.test.ts',
        named: 'are given by name, those that were asked for and granted, each recorded',
        without: [
          ['src/host/session/equipment.ts', ").filter((name) => decide(policy, { action: 'config:read', name }).effect === 'allow')", ')'],
        ],
      },
    ],
  },
  {
    id: 'E4-logging',
    tries: 'to flood the log of the host with lines, or to forge some',
    proofs: [
      {
        test: loggingTest,
        named: 'loses lines, waits for it, and is told of once a second and at the end',
        without: [['src/host/providers/logging/line-budget.ts', 'this.#lines < 1 || ', '']],
      },
      {
        test: loggingTest,
        named: 'with long lines has as few bytes',
        without: [['src/host/providers/logging/line-budget.ts', ' || this.#bytes < bytes', '']],
      },
      {
        test: loggingTest,
        named: 'a budget of lines fills|fills with time, to its brim and no further',
        without: [
          ['src/host/providers/logging/line-budget.ts', 'Math.min(this.#rate.burstLines, this.#lines + seconds', '(this.#lines + seconds'],
        ],
      },
      {
        test: loggingTest,
        named: 'is one line that does nothing',
        without: [[logging, 'neutralise(this.#decoder.decode(body), maxMessageLength)', 'this.#decoder.decode(body)']],
      },
    ],
  },
]
