import type { Attack } from './attack.ts'

const verify = 'src/core/audit/verify.ts'
const auditLog = 'host/log/audit-log.test.ts'
const auditAttacks = 'attacks/audit/audit.test.ts'
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
]
