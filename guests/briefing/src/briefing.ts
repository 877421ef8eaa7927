import { environment, listFolder, readText, useSecret, writeText } from 'cordon/guest'

import { tryForbiddenThings, type Attempt } from './forbidden.ts'

interface Letter {
  readonly file: string
  readonly from: string
  readonly subject: string
  readonly words: number
}

interface Item {
  readonly title: string
  readonly due: string
}

interface Briefing {
  /** Guest path of the report. */
  readonly report: string
  readonly letters: readonly Letter[]
  readonly items: readonly Item[]
  /** What it tried without having been granted it. */
  readonly attempts: readonly Attempt[]
}

const header = (text: string, name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? 'unknown'

const readLetters = (): Letter[] => {
  const files = listFolder('/inbox').filter(({ kind }) => kind === 'regular-file')
  return files.map(({ name }) => {
    console.log(`reading ${name}`)
    const text = readText(`/inbox/${name}`)
    const body = text.slice(text.indexOf('\n\n'))
    return { file: name, from: header(text, 'From'), subject: header(text, 'Subject'), words: body.trim().split(/\s+/).length }
  })
}

/** No key here: the host adds it to the requests that the policy allows. */
const fetchItems = async (): Promise<readonly Item[]> => {
  console.log('fetching items')
  try {
    const response = await fetch('http://127.0.0.1:8787/v1/items')
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    const { items } = (await response.json()) as { items: Item[] }
    return items
  } catch (error) {
    // A briefing without items is better than none.
    console.error(`the items service cannot be used: ${error instanceof Error ? error.message : String(error)}`)
    return []
  }
}

const reportText = (day: string, letters: readonly Letter[], items: readonly Item[]): string =>
  [
    `# Briefing for ${day}`,
    '',
    `## ${letters.length} letters`,
    '',
    ...letters.map(({ from, subject, words }) => `- **${from}**: ${subject} (${words} words)`),
    '',
    `## ${items.length} items`,
    '',
    ...items.map(({ title, due }) => `- ${title}, due ${due}`),
    '',
  ].join('\n')

/** Reads letters and items, writes the report, then tries what it may not. */
export const run = async (input: { readonly day?: string } | null): Promise<Briefing> => {
  const letters = readLetters()
  const items = await fetchItems()
  const report = '/out/briefing.md'
  writeText(report, reportText(input?.day ?? 'today', letters, items))
  console.log(`wrote ${report}`)
  const attempts = await tryForbiddenThings({ environment, readText, useSecret, writeText })
  for (const { tried, outcome } of attempts) console.log(`tried ${tried}: ${outcome}`)
  return { report, letters, items, attempts }
}
