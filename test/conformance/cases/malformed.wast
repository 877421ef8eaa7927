;; What is no component binary (Binary.md): preamble, sections, numbers, names, and bytes that stand for nothing.

;; Preamble (Binary.md, Component Definitions)
;; nothing at all
(assert_malformed (component binary "")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; half of the magic number
(assert_malformed (component binary "\00\61\73")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; without a version
(assert_malformed (component binary "\00\61\73\6d")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; half of a version
(assert_malformed (component binary "\00\61\73\6d\0d\00")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; another magic number
(assert_malformed (component binary "\00\62\73\6d\0d\00\01\00")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; a core module where a component is due
(assert_malformed (component binary "\00\61\73\6d\01\00\00\00")
  "invalid: expected a component")
;; another layer
(assert_malformed (component binary "\00\61\73\6d\0d\00\02\00")
  "beyond: expected a component of WASI 0.2's features")

;; Sections
;; an id that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0d\00")
  "invalid: expected a section id up to 12")
;; a size beyond the end
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\05\00")
  "invalid: expected 5 bytes of section 7")
;; no size
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07")
  "invalid: expected the size of a section")
;; a size of more than 32 bits
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\ff\ff\ff\ff\7f")
  "invalid: expected the size of a section as an unsigned LEB128 of 32 bits")
;; a size that takes too many bytes
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\81\80\80\80\80\00")
  "invalid: expected the size of a section as an unsigned LEB128 of 32 bits")
;; bytes after the last item
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\03\01\7f\00")
  "invalid: expected the end of a section of types")
;; fewer items than it says
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\02\02\7f")
  "invalid: expected a type")
;; no count
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\00")
  "invalid: expected the number of types")
;; a custom section with a name that is no UTF-8
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\00\03\02\ff\fe")
  "invalid: expected UTF-8 in the name of a custom section")
;; a nested component that ends early
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\04\07\00\61\73\6d\0d\00\01")
  "invalid: expected a component (00 61 73 6d 0d 00 01 00)")
;; a nested component with a header of a core module
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\04\08\00\61\73\6d\01\00\00\00")
  "invalid: expected a component")
;; a core module that ends early
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\01\07\00\61\73\6d\01\00\00")
  "invalid: expected a core module (00 61 73 6d 01 00 00 00) in the component")
;; a core module with a header of a component
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\01\08\00\61\73\6d\0d\00\01\00")
  "invalid: expected a core module (00 61 73 6d 01 00 00 00) in the component")

;; Types (Binary.md, Type Definitions)
;; a form that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\02\01\5f")
  "invalid: expected a value type")
;; a record without a name
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\03\01\72\01")
  "invalid: expected the number of bytes in the name of a field")
;; a field name that is no UTF-8
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\06\01\72\01\01\ff\7f")
  "invalid: expected UTF-8 in the name of a field")
;; a variant case whose last byte is not 0
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\07\01\71\01\01\61\00\01")
  "invalid: expected the end of a case (0)")
;; an option byte that is neither 0 nor 1
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\04\01\6a\02\00")
  "invalid: expected a type or none (1 or 0)")
;; a negative type index
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\03\01\70\40")
  "invalid: expected a value type")
;; a type index of more than 32 bits
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\07\01\70\ff\ff\ff\ff\7f")
  "invalid: expected a type index as an unsigned LEB128 of 32 bits")
;; a function type without a result byte
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\03\01\40\00")
  "invalid: expected the result of a function")
;; a function type with a result byte that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\04\01\40\00\02")
  "invalid: expected the result of a function (0 or 1)")
;; an instance type with a declarator that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\04\01\42\01\09")
  "invalid: expected a declaration of a type")
;; an instance type with an import in it
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\09\01\42\01\03\00\01\61\01\00")
  "invalid: expected a declaration of an instance type")

;; Imports, exports, aliases
;; an import without a type
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\04\01\00\01\61")
  "invalid: expected the kind of an import or export")
;; a kind of import that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\06\01\00\01\61\09\00")
  "invalid: expected the kind of an import or export")
;; a type bound that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\06\01\00\01\61\03\02")
  "invalid: expected the bound of a type (0 or 1)")
;; a kind of name that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\06\01\09\01\61\03\01")
  "invalid: expected the name of an import (0 to 2)")
;; an import name that is no UTF-8
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\06\01\00\01\ff\03\01")
  "invalid: expected UTF-8 in the name of an import")
;; an import name longer than its section
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\0a\04\01\00\7f\61")
  "invalid: expected 127 bytes of the name of an import")
;; an export whose type is neither there nor not
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\02\01\7f\0b\07\01\00\01\61\03\00\02")
  "invalid: expected the type of an export or none (1 or 0)")
;; an alias of a kind that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\06\04\01\01\09\00")
  "invalid: expected the target of an alias (0 to 2)")
;; an alias of a sort that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\06\05\01\09\02\00\00")
  "invalid: expected a sort")
;; an alias of an outer instance: instances cannot be
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\06\05\01\05\02\00\00")
  "invalid: expected an outer alias of a type, component or core module")

;; Instances and canonical functions
;; an instance of a form that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\05\02\01\02")
  "invalid: expected an instance (0 or 1)")
;; a core instance of a form that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\02\02\01\02")
  "invalid: expected a core instance (0 or 1)")
;; an argument of a core instance that is no instance
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\01\08\00\61\73\6d\01\00\00\00\02\08\01\00\00\01\01\61\00\00")
  "invalid: expected a core instance (0x12)")
;; a canonical function of a form that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\08\02\01\7e")
  "invalid: expected a canonical function")
;; a lift with a second byte that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\08\06\01\00\01\00\00\00")
  "invalid: expected a function (0)")
;; an option that there is none of
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\05\01\40\00\01\00\0a\06\01\00\01\61\01\00\08\06\01\01\00\00\01\3f")
  "invalid: expected a canonical option")
;; fewer options than it says
(assert_malformed (component binary "\00\61\73\6d\0d\00\01\00\07\05\01\40\00\01\00\0a\06\01\00\01\61\01\00\08\05\01\01\00\00\01")
  "invalid: expected a canonical option")

;; What looks odd and is fine: empty sections of each kind, sections again and again in any order, any custom section, numbers with bytes to spare.
(component binary "\00\61\73\6d\0d\00\01\00")
(component binary "\00\61\73\6d\0d\00\01\00\07\01\00\07\01\00\0a\01\00\07\01\00\02\01\00\05\01\00\06\01\00\08\01\00\0b\01\00\03\01\00")
(component binary "\00\61\73\6d\0d\00\01\00\00\11\0e\63\6f\6d\70\6f\6e\65\6e\74\2d\6e\61\6d\65\ff\ff\00\02\01\78")
(component binary "\00\61\73\6d\0d\00\01\00\07\82\80\00\01\7f")
(component binary "\00\61\73\6d\0d\00\01\00\07\06\81\80\80\80\00\7f")
(component binary "\00\61\73\6d\0d\00\01\00\01\08\00\61\73\6d\01\00\00\00\04\08\00\61\73\6d\0d\00\01\00\04\12\00\61\73\6d\0d\00\01\00\04\08\00\61\73\6d\0d\00\01\00")
