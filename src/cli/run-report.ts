import { printableLine, type CallSummary, type RunReport } from '#index.ts'
import { bytesText, countText, table } from '#cli/table.ts'
import { styled } from '#cli/terminal.ts'

/** Calls shown one by one; the log has the rest. */
const maxShown = 100

const outcomeText = ({ effect, reason, status, code }: CallSummary): string => {
  if (effect === 'deny') return reason ?? 'denied'
  return code === undefined ? (status ?? '') : `${status ?? ''} (${code})`
}

/** What an operator can do about a denial: the flag or line that would allow it, or the rule that stands against it. */
const wayOut = ({ effect, hint, rule }: CallSummary): string => {
  if (effect === 'allow') return ''
  return hint ?? (rule === undefined ? '' : `denied by ${rule}`)
}

const callRow = (call: CallSummary): readonly string[] => {
  const mark = call.effect === 'allow' ? styled('green', 'allow') : styled('red', 'deny ')
  return [mark, ...[call.target, outcomeText(call), wayOut(call)].map(printableLine)]
}

/** Calls that are alike follow each other as one line with a count. */
const grouped = (calls: readonly CallSummary[]): readonly (readonly string[])[] => {
  const groups: { readonly call: CallSummary; readonly key: string; count: number }[] = []
  for (const call of calls) {
    const key = callRow(call).join('\0')
    const last = groups.at(-1)
    if (last?.key === key) last.count += 1
    else groups.push({ call, key, count: 1 })
  }
  return groups.map(({ call, count }) => callRow(count === 1 ? call : { ...call, target: `${call.target} ×${count}` }))
}

const usageText = ({ usage }: RunReport): string =>
  [
    `wall ${usage.wallMs} ms`,
    `cpu ${usage.cpuMs} ms`,
    `fuel ${countText(usage.fuel)}`,
    `memory ${bytesText(usage.memoryPeakBytes)}`,
    `calls ${usage.calls} (${usage.denied} denied)`,
    `out ${bytesText(usage.egressBytes)}`,
    `in ${bytesText(usage.ingressBytes)}`,
  ].join(' · ')

/** What a person reads after a run: every capability call, what was used, and where the record lies. */
export const runReportText = (report: RunReport): string => {
  const rows = grouped(report.calls)
  const more = rows.length > maxShown ? `  … ${rows.length - maxShown} more in the log\n` : ''
  const calls = rows.length === 0 ? '  none\n' : table(rows.slice(0, maxShown)) + more
  const { session, audit } = report
  return [
    `\n${styled('bold', 'capability calls')}\n${calls}`,
    `${styled('bold', 'usage')}\n  ${usageText(report)}\n`,
    report.truncated ? `  ${styled('yellow', 'output past the limit was discarded')}\n` : '',
    `${styled('bold', 'session')}\n  ${session.id} · ${printableLine(session.agent)} · isolation ${session.isolation}\n`,
    `${styled('bold', 'audit')}\n  ${printableLine(audit.dir)} (records ${audit.firstSeq}–${audit.lastSeq}) · read with: cordon audit show ${printableLine(audit.dir)}\n`,
  ].join('')
}
