/**
 * How component-model names become JavaScript names, by jco's documented convention: functions, fields and flags in lowerCamelCase, resource
 * classes in UpperCamelCase; enum and variant cases stay as written.
 */

/** `create-directory-at` → `createDirectoryAt`, `get-IP-address` → `getIpAddress`. */
export const lowerCamel = (name: string): string => {
  const camel = upperCamel(name)
  return camel.slice(0, 1).toLowerCase() + camel.slice(1)
}

/** `directory-entry-stream` → `DirectoryEntryStream`. Words of capitals keep their first and lower the rest; digits stay where they are. */
export const upperCamel = (name: string): string =>
  name
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join('')
