import type { CallSummary, RunReport } from '#index.ts'
import { bytesText, countText, table } from '#cli/table.ts'
import { styled } from '#cli/terminal.ts'

/** Calls shown one by one; the log has the rest. */
const maxShown = 100

const outcomeText = ({ effect, reason, status, code }: CallSummary): string => {
  if (effect === 'deny') return reason ?? 'denied'
  return code === undefined ? (status ?? '') : `${status ?? ''} (${code})`
}

const callRow = (call: CallSummary): readonly string[] => {
  const mark = call.effect === 'allow' ? styled('green', 'allow') : styled('red', 'deny ')
  return [mark, call.target, outcomeText(call), call.hint ?? '']
}

/** Calls that are alike follow each other as one line with a count. */
const grouped = (calls: readonly CallSummary[]): readonly (readonly string[])[] => {
  const rows: { text: string; cells: readonly string[]; count: number }[] = []
  for (const call of calls) {
    const cells = callRow(call)
    const last = rows.at(-1)
    if (last?.text === cells.join('\0')) last.count += 1
    else rows.push({ text: cells.join('\0'), cells, count: 1 })
  }
  return rows.map(({ cells, count }) => (count === 1 ? cells : [cells[0] ?? '', `${cells[1] ?? ''} ×${count}`, ...cells.slice(2)]))
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
    `${styled('bold', 'session')}\n  ${session.id} · ${session.agent} · isolation ${session.isolation}\n`,
    `${styled('bold', 'audit')}\n  ${audit.dir} (records ${audit.firstSeq}–${audit.lastSeq}) · read with: cordon audit show ${audit.dir}\n`,
  ].join('')
}
