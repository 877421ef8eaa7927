import { componentWit } from '@bytecodealliance/jco-transpile/wasm-tools'

/** The interfaces a component imports and exports, sorted, as the component writes them. */
export const witNames = async (component: Uint8Array): Promise<{ readonly imports: string[]; readonly exports: string[] }> => {
  const wit = await componentWit(component)
  const named = (keyword: string): string[] =>
    Array.from(wit.matchAll(new RegExp(`^  ${keyword} ([^;{ ]+(?:@[^;]+)?)[;:]`, 'gm')), ([, name]) =>
      (name ?? '').replace(/:$/, ''),
    ).sort()
  return { imports: named('import'), exports: named('export') }
}
