/** Components that break one rule each, by the rule, with what the refusal has to say. */
export const invalidComponents: Readonly<Record<string, readonly (readonly [rule: string, text: string, says: RegExp])[]>> = {
  'index spaces': [
    ['a type index is below the number of types', '(component (type (list 3)))', /type index below 0, got 3/],
    ['a core module index is one of a module', '(component (core instance (instantiate 0)))', /core module index below 0/],
    ['a component index is one of a component', '(component (instance (instantiate 1)))', /component index below 0/],
    [
      'a core instance index is one of a core instance',
      '(component (core module $m) (core instance (instantiate $m (with "a" (instance 4)))))',
      /core instance index below 0, got 4/,
    ],
    ['an instance index is one of an instance', '(component (alias export 2 "a" (func)))', /expected an instance index below 0/],
    ['a function index is one of a function', '(component (core func (canon lower (func 0))))', /function index below 0/],
    [
      'a core function index is one of a core function',
      '(component (type $t (func)) (func (type $t) (canon lift (core func 0))))',
      /core function index below 0/,
    ],
    [
      'a core memory index is one of a memory',
      '(component (import "f" (func $f)) (core func (canon lower (func $f) (memory 0))))',
      /core memory index below 0/,
    ],
    ['a list is of a value type', '(component (type $f (func)) (type (list $f)))', /value type, got a type of kind func/],
    ['a handle is of a resource type', '(component (type $f u8) (type (own $f)))', /resource type, got u8/],
    [
      'what is lifted has a function type',
      '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (type $t u8) (func (type $t) (canon lift (core func $i "f"))))',
      /kind func, got one of kind value/,
    ],
    [
      'an imported instance has an instance type',
      '(component (type $t (func)) (import "a" (instance (type $t))))',
      /kind instance, got one of kind func/,
    ],
    [
      'an imported module has a module type',
      '(component (component (core type $t (func)) (import "a" (core module (type $t)))))',
      /type of a core module, got one of kind func/,
    ],
  ],
  names: [
    ['an import is a label or an interface', '(component (import "No_kebab" (func)))', /kebab case/],
    ['an export of an instance is as well', '(component (import "f" (func $f)) (instance (export "1st" (func $f))))', /kebab case/],
    ['a namespace is in small letters', '(component (import "WASI:io/streams" (func)))', /such as `run` or/],
    ['a version is a semantic version', '(component (import "a:b/c@1.2" (func)))', /such as `run` or/],
    ['a version has no leading zeros', '(component (import "a:b/c@1.02.0" (func)))', /such as `run` or/],
    ['a field is a label', '(component (type (record (field "x_y" u8))))', /a field in kebab case/],
    [
      'names of imports differ in more than case',
      '(component (import "a-b" (func)) (import "A-B" (func)))',
      /each import once, got `A-B` after `a-b`/,
    ],
    [
      'names of exports differ in more than case',
      '(component (import "f" (func $f)) (export "x" (func $f)) (export "X" (func $f)))',
      /each export once/,
    ],
    [
      'names of exports of an instance differ',
      '(component (import "f" (func $f)) (instance (export "x" (func $f)) (export "x" (func $f))))',
      /each export once/,
    ],
    ['fields differ', '(component (type (record (field "x" u8) (field "X" u8))))', /each field once/],
    ['cases differ', '(component (type (variant (case "x") (case "x"))))', /each case once/],
    ['flags differ', '(component (type (flags "x" "x")))', /each flag once/],
    ['an enum case is in kebab case', '(component (type (enum "aB")))', /expected an enum case in kebab case/],
    ['enum cases differ', '(component (type (enum "x" "x")))', /each enum case once/],
    ['parameters differ', '(component (type (func (param "x" u8) (param "X" u8))))', /each parameter once/],
    [
      'a method does not have its resource’s name',
      '(component (import "a" (type $a (sub resource))) (import "[method]a.a" (func (param "self" (borrow $a)))))',
      /each import once/,
    ],
    [
      'a static function does not have a method’s name',
      '(component (import "a" (type $a (sub resource))) (import "[method]a.b" (func (param "self" (borrow $a)))) (import "[static]a.b" (func)))',
      /each import once/,
    ],
  ],
  'members of resources': [
    [
      'a constructor returns its resource',
      '(component (import "a" (type $a (sub resource))) (import "[constructor]a" (func (result u8))))',
      /own<a> in the type of `\[constructor\]a`, got u8/,
    ],
    [
      'a constructor returns something',
      '(component (import "a" (type $a (sub resource))) (import "[constructor]a" (func)))',
      /got nothing/,
    ],
    [
      'a constructor returns no other resource',
      '(component (import "a" (type (sub resource))) (import "b" (type $b (sub resource))) (import "[constructor]a" (func (result (own $b)))))',
      /about resource `a`, got `b`/,
    ],
    [
      'a method takes `self` first',
      '(component (import "a" (type $a (sub resource))) (import "[method]a.b" (func (param "it" (borrow $a)))))',
      /`self` as the first parameter/,
    ],
    [
      'a method borrows itself',
      '(component (import "a" (type $a (sub resource))) (import "[method]a.b" (func (param "self" (own $a)))))',
      /borrow<a> in the type/,
    ],
    ['a static function has a resource', '(component (import "[static]a.b" (func)))', /got none named `a`/],
    ['a method has a dot', '(component (import "[method]ab" (func)))', /\[method\]resource\.name/],
    ['a member is a function', '(component (import "[static]a.b" (instance)))', /expected a function as/],
    [
      'a resource in an imported instance has no name outside',
      '(component (import "i" (instance $i (export "r" (type (sub resource))))) (alias export $i "r" (type $r)) (import "[method]r.m" (func (param "self" (borrow $r)))))',
      /one without a name here/,
    ],
    [
      'an instance made of exports names no resource',
      '(component (import "a" (type $a (sub resource))) (import "f" (func $f (result (own $a)))) (instance (export "a" (type $a)) (export "[constructor]a" (func $f))))',
      /one without a name here/,
    ],
    [
      'the name of an import is not that of an export',
      '(component (import "b" (type $b (sub resource))) (import "f" (func $f (param "self" (borrow $b)))) (export "[method]b.m" (func $f)))',
      /one without a name here/,
    ],
  ],
  'value types': [
    ['a record has fields', '(component (type (record)))', /at least one field/],
    ['a variant has cases', '(component (type (variant)))', /at least one case/],
    ['a tuple has items', '(component (type (tuple)))', /at least one tuple item/],
    ['flags have labels', '(component (type (flags)))', /at least one flag/],
    ['an enum has cases', '(component (type (enum)))', /at least one enum case/],
    [
      'there are at most 32 flags',
      `(component (type (flags ${Array.from({ length: 33 }, (_, nth) => `"f${nth}"`).join(' ')})))`,
      /at most 32 flags, got 33/,
    ],
    [
      'a result does not borrow',
      '(component (import "r" (type $r (sub resource))) (type (func (result (list (borrow $r))))))',
      /without `borrow`/,
    ],
    ['a resource type is defined in a component', '(component (type (instance (type (resource (rep i32))))))', /in components only/],
  ],
  aliases: [
    ['an alias names an export', '(component (import "i" (instance $i)) (alias export $i "f" (func)))', /kind func, got no such export/],
    [
      'an alias has the kind of the export',
      '(component (import "i" (instance $i (export "f" (func)))) (alias export $i "f" (instance)))',
      /kind instance, got func/,
    ],
    [
      'a core alias names a core export',
      '(component (core module $m) (core instance $i (instantiate $m)) (alias core export $i "f" (core func)))',
      /kind func, got no such export/,
    ],
    [
      'a core alias has the kind of the core export',
      '(component (core module $m (memory (export "f") 1)) (core instance $i (instantiate $m)) (alias core export $i "f" (core func)))',
      /kind func, got memory/,
    ],
    ['an outer alias stays inside the root', '(component (alias outer 1 0 (type)))', /at most 0 scopes outwards, got 1/],
    [
      'no resource type crosses into another component',
      '(component $c (type $r (resource (rep i32))) (type $o (own $r)) (component (alias outer $c $o (type))))',
      /without resource types across components/,
    ],
    [
      'nor does it in a component’s type',
      '(component $c (type $r (resource (rep i32))) (type $t (component (export "a" (type (eq $r))))) (component (alias outer $c $t (type))))',
      /without resource types across components/,
    ],
    [
      'in a type as well an alias names an export',
      '(component (type (component (import "i" (instance $i)) (alias export $i "t" (type)))))',
      /kind type, got none/,
    ],
    [
      'in a type, functions are not aliased',
      '(component (type (component (import "i" (instance $i (export "f" (func)))) (alias export $i "f" (func)))))',
      /alias of a type or an instance in a type/,
    ],
    [
      'in a type, components are not aliased',
      '(component $c (component $d) (type (instance (alias outer $c $d (component)))))',
      /outer alias of a type in a type/,
    ],
  ],
  visibility: [
    [
      'an exported function’s record is exported',
      '(component (import "f" (func $f)) (type $r (record (field "x" u8))) (core module $m (func (export "f") (param i32))) (core instance $i (instantiate $m)) (func $g (param "r" $r) (canon lift (core func $i "f"))) (export "g" (func $g)))',
      /all types in export `g`/,
    ],
    [
      'an imported function’s enum is imported',
      '(component (type $e (enum "a")) (import "f" (func (param "e" $e))))',
      /all types in import `f`/,
    ],
    [
      'an imported function’s resource is imported, not exported',
      '(component (type $r (resource (rep i32))) (export $x "r" (type $r)) (import "f" (func (result (own $x)))))',
      /all types in import `f`/,
    ],
    [
      'also where it is deep inside',
      '(component (type $r (record (field "x" u8))) (type $l (list (option (tuple u8 $r)))) (export "l" (type $l)))',
      /all types in export `l`/,
    ],
    [
      'an exported record’s records are exported',
      '(component (type $r (record (field "x" u8))) (type $s (record (field "r" $r))) (export "s" (type $s)))',
      /all types in export `s`/,
    ],
    [
      'an imported instance’s types are named in it',
      '(component (type $i (instance (type $f (flags "a")) (export "f" (func (param "f" $f))))) (import "i" (instance (type $i))))',
      /all types in import `i`/,
    ],
    [
      'an exported type of functions is of named types',
      '(component (type $v (variant (case "a"))) (type $f (func (param "v" $v))) (export "f" (type $f)))',
      /all types in export `f`/,
    ],
    [
      'an exported type of instances is of named types',
      '(component (type $i (instance (type $r (record (field "x" u8))) (type $s (record (field "r" $r))) (export "s" (type (eq $s))))) (export "i" (type $i)))',
      /all types in export `i`/,
    ],
    [
      'in a component type it is checked at once',
      '(component (type (component (type $r (record (field "x" u8))) (export "f" (func (param "r" $r))))))',
      /all types in export `f`/,
    ],
  ],
  imports: [
    [
      'an import is about no resource type of the component’s own',
      '(component (type $r (resource (rep i32))) (import "r" (type (eq $r))))',
      /about imported resource types, got one/,
    ],
    [
      'nor about one of a component instance in it',
      '(component (component $c (type $r (resource (rep i32))) (export "r" (type $r))) (instance $c (instantiate $c)) (alias export $c "r" (type $r)) (import "r" (type (eq $r))))',
      /about imported resource types, got one/,
    ],
    [
      'in a component type it is about no exported one',
      '(component (type (component (export "r" (type $r (sub resource))) (import "s" (type (eq $r))))))',
      /about imported resource types, got one/,
    ],
  ],
  'core instances': [
    [
      'each imported module name has an argument',
      '(component (core module $m (import "a" "b" (func))) (core instance (instantiate $m)))',
      /argument `a` for a core instance, got none/,
    ],
    [
      'an argument has each imported name',
      '(component (core module $e) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (func))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /to export `b`, got no such export/,
    ],
    [
      'a function has the imported type',
      '(component (core module $e (func (export "b") (param i64))) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (func))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /func \(\) -> \(\) for core import `a` `b`, got func \(i64\) -> \(\)/,
    ],
    [
      'a memory starts large enough',
      '(component (core module $e (memory (export "b") 1)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (memory 2))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /memory of 2 pages .*, got memory of 1 pages/,
    ],
    [
      'a memory grows no larger than allowed',
      '(component (core module $e (memory (export "b") 1 9)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (memory 1 8))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /memory of 1 to 8 pages .*, got memory of 1 to 9 pages/,
    ],
    [
      'a memory has a maximum where one is asked for',
      '(component (core module $e (memory (export "b") 1)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (memory 1 8))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /got memory of 1 pages/,
    ],
    [
      'a table is of the imported kind of reference',
      '(component (core module $e (table (export "b") 1 externref)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (table 1 funcref))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /funcref .* externref/,
    ],
    [
      'a table is large enough',
      '(component (core module $e (table (export "b") 1 funcref)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (table 2 funcref))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /table of 2 funcref/,
    ],
    [
      'a global has the imported type',
      '(component (core module $e (global (export "b") i32 (i32.const 1))) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (global i64))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /immutable global i64 .* global i32/,
    ],
    [
      'a global has the imported mutability',
      '(component (core module $e (global (export "b") (mut i32) (i32.const 1))) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (global i32))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /immutable global i32 .* mutable global i32/,
    ],
    [
      'a table is no memory',
      '(component (core module $e (table (export "b") 1 funcref)) (core instance $e (instantiate $e)) (core module $m (import "a" "b" (memory 1))) (core instance (instantiate $m (with "a" (instance $e)))))',
      /memory of 1 pages .* table/,
    ],
    [
      'an argument is given once',
      '(component (core module $m) (core instance $i (instantiate $m)) (core instance (instantiate $m (with "a" (instance $i)) (with "a" (instance $i)))))',
      /each argument of a core instance once/,
    ],
    [
      'an export is made once',
      '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (core instance (export "a" (func $i "f")) (export "a" (func $i "f"))))',
      /each export of a core instance once/,
    ],
    [
      'a core module exports a name once',
      '(component (core module (func (export "f")) (func (export "f"))))',
      /each export of a core module once/,
    ],
    [
      'a core module imports a name once',
      '(component (core module (import "a" "b" (func)) (import "a" "b" (func))))',
      /each import of a core module once/,
    ],
    [
      'a module type exports a name once',
      '(component (core type (module (export "a" (func)) (export "a" (func)))))',
      /each export of a module type once/,
    ],
    [
      'a module type imports a name once',
      '(component (core type (module (import "a" "b" (func)) (import "a" "b" (func)))))',
      /each import of a module type once/,
    ],
    ['a memory has at most 65,536 pages', '(component (core type (module (import "a" "b" (memory 65537)))))', /at most 65536 pages/],
  ],
  instances: [
    [
      'each import has an argument',
      '(component (component $c (import "f" (func))) (instance (instantiate $c)))',
      /argument `f`, got none of that name/,
    ],
    [
      'an argument is given once',
      '(component (import "f" (func $f)) (component $c) (instance (instantiate $c (with "f" (func $f)) (with "f" (func $f)))))',
      /each argument of an instance once/,
    ],
    [
      'an argument is of the kind of the import',
      '(component (import "f" (func $f)) (component $c (import "f" (instance))) (instance (instantiate $c (with "f" (func $f)))))',
      /expected instance as argument `f`, got func/,
    ],
    [
      'a function has as many parameters',
      '(component (import "f" (func $f (param "a" u8))) (component $c (import "f" (func))) (instance (instantiate $c (with "f" (func $f)))))',
      /function of 0 parameters/,
    ],
    [
      'a function’s parameters have the same names',
      '(component (import "f" (func $f (param "a" u8))) (component $c (import "f" (func (param "b" u8)))) (instance (instantiate $c (with "f" (func $f)))))',
      /parameter `b` as argument `f`, got `a`/,
    ],
    [
      'a function’s parameters have the same types',
      '(component (import "f" (func $f (param "a" (list u8)))) (component $c (import "f" (func (param "a" (list s8))))) (instance (instantiate $c (with "f" (func $f)))))',
      /expected s8 as .*parameter `a` of argument `f`, got u8/,
    ],
    [
      'a function has a result where one is expected',
      '(component (import "f" (func $f)) (component $c (import "f" (func (result u8)))) (instance (instantiate $c (with "f" (func $f)))))',
      /expected u8 as the result of argument `f`, got none/,
    ],
    [
      'a function has no result where none is expected',
      '(component (import "f" (func $f (result u8))) (component $c (import "f" (func))) (instance (instantiate $c (with "f" (func $f)))))',
      /expected no type/,
    ],
    [
      'an instance has each export',
      '(component (import "i" (instance $i)) (component $c (import "i" (instance (export "f" (func))))) (instance (instantiate $c (with "i" (instance $i)))))',
      /export `f`, got none of that name/,
    ],
    [
      'records have the same fields',
      '(component (component $c (type $r (record (field "a" u8))) (import "x" (type (eq $r)))) (type $r (record (field "b" u8))) (instance (instantiate $c (with "x" (type $r)))))',
      /record with `a` as argument `x`, got `b`/,
    ],
    [
      'records have as many fields',
      '(component (component $c (type $r (record (field "a" u8))) (import "x" (type (eq $r)))) (type $r (record (field "a" u8) (field "b" u8))) (instance (instantiate $c (with "x" (type $r)))))',
      /record of 1/,
    ],
    [
      'enums have the same cases',
      '(component (component $c (type $r (enum "a")) (import "x" (type (eq $r)))) (type $r (enum "b")) (instance (instantiate $c (with "x" (type $r)))))',
      /enum with `a`/,
    ],
    [
      'enums have as many cases',
      '(component (component $c (type $r (enum "a")) (import "x" (type (eq $r)))) (type $r (enum "a" "b")) (instance (instantiate $c (with "x" (type $r)))))',
      /enum of/,
    ],
    [
      'abstract resource types are not equal',
      '(component (import "a" (type $a (sub resource))) (import "b" (type $b (sub resource))) (component $c (import "x" (type $x (sub resource))) (import "y" (type (eq $x)))) (instance (instantiate $c (with "x" (type $a)) (with "y" (type $b)))))',
      /one resource type as argument `y`, got another/,
    ],
    [
      'a component’s instances have resource types of their own',
      '(component (component $c (type $r (resource (rep i32))) (export "r" (type $r))) (instance $a (instantiate $c)) (instance $b (instantiate $c)) (component $d (import "x" (type $x (sub resource))) (import "y" (type (eq $x)))) (instance (instantiate $d (with "x" (type $a "r")) (with "y" (type $b "r")))))',
      /one resource type/,
    ],
    [
      'handles are of the same resource type',
      '(component (import "a" (type $a (sub resource))) (import "b" (type $b (sub resource))) (import "f" (func $f (param "x" (own $b)))) (component $c (import "r" (type $r (sub resource))) (import "f" (func (param "x" (own $r))))) (instance (instantiate $c (with "r" (type $a)) (with "f" (func $f)))))',
      /own of one resource type/,
    ],
    [
      'own is not borrow',
      '(component (import "a" (type $a (sub resource))) (import "f" (func $f (param "x" (borrow $a)))) (component $c (import "r" (type $r (sub resource))) (import "f" (func (param "x" (own $r))))) (instance (instantiate $c (with "r" (type $a)) (with "f" (func $f)))))',
      /expected own as .*, got borrow/,
    ],
    [
      'a resource type is given for a resource type',
      '(component (type $a u8) (component $c (import "r" (type (sub resource)))) (instance (instantiate $c (with "r" (type $a)))))',
      /kind resource as argument `r`, got one of kind u8/,
    ],
    [
      'a component given for a component imports no more',
      '(component (component $g (import "f" (func))) (component $c (import "c" (component))) (instance (instantiate $c (with "c" (component $g)))))',
      /import `f`, got none/,
    ],
    [
      'a component given for a component exports no less',
      '(component (component $g) (component $c (import "c" (component (export "f" (func))))) (instance (instantiate $c (with "c" (component $g)))))',
      /export `f`, got none/,
    ],
    [
      'a core module given for one imports no more',
      '(component (core module $g (import "a" "b" (func))) (component $c (import "m" (core module))) (instance (instantiate $c (with "m" (core module $g)))))',
      /to import no more/,
    ],
    [
      'a core module given for one is imported into as expected',
      '(component (core module $g (import "a" "b" (func))) (component $c (import "m" (core module (import "a" "b" (global i32))))) (instance (instantiate $c (with "m" (core module $g)))))',
      /func \(\) -> \(\) for import `a` `b` of argument `m`, got immutable global/,
    ],
    [
      'a core module given for one exports what is expected',
      '(component (core module $g (func (export "f"))) (component $c (import "m" (core module (export "f" (global i32))))) (instance (instantiate $c (with "m" (core module $g)))))',
      /for export `f` of argument `m`, got func/,
    ],
    [
      'a core module given for one exports no less',
      '(component (core module $g) (component $c (import "m" (core module (export "f" (func))))) (instance (instantiate $c (with "m" (core module $g)))))',
      /to export `f`/,
    ],
    [
      'an export has what it is declared to have',
      '(component (import "i" (instance $i)) (export "i" (instance $i) (instance (export "f" (func)))))',
      /export `f`, got none/,
    ],
    [
      'what a declaration hides is hidden',
      '(component (import "f" (func $f)) (component $c (import "i" (instance $i (export "f" (func)))) (export "o" (instance $i) (instance))) (instance $b (export "f" (func $f))) (instance $c (instantiate $c (with "i" (instance $b)))) (alias export $c "o" (instance $o)) (alias export $o "f" (func)))',
      /got no such export/,
    ],
  ],
  'canonical functions': [
    [
      'a lifted core function has the flattened parameters',
      '(component (core module $m (func (export "f") (param i64))) (core instance $i (instantiate $m)) (func (param "x" u32) (canon lift (core func $i "f"))))',
      /\(i32\) -> \(\) to lift, got \(i64\) -> \(\)/,
    ],
    [
      'and the flattened result',
      '(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (result f64) (canon lift (core func $i "f"))))',
      /\(\) -> \(f64\) to lift/,
    ],
    [
      'cases join to the type that holds both',
      '(component (core module $m (func (export "f") (param i32 i32))) (core instance $i (instantiate $m)) (func (param "x" (result u32 (error f64))) (canon lift (core func $i "f"))))',
      /\(i32 i64\) -> \(\)/,
    ],
    [
      'a list needs a memory',
      '(component (core module $m (func (export "f") (param i32 i32))) (core instance $i (instantiate $m)) (func (param "x" (list u8)) (canon lift (core func $i "f"))))',
      /the option memory/,
    ],
    [
      'a string into the guest needs realloc',
      '(component (core module $m (memory (export "mem") 1) (func (export "f") (param i32 i32))) (core instance $i (instantiate $m)) (func (param "x" string) (canon lift (core func $i "f") (memory (core memory $i "mem")))))',
      /the option realloc/,
    ],
    [
      'more than 16 core values into the guest need realloc',
      `(component (core module $m (memory (export "mem") 1) (func (export "f") (param i32))) (core instance $i (instantiate $m)) (func ${Array.from({ length: 17 }, (_, nth) => `(param "p${nth}" u8)`).join(' ')} (canon lift (core func $i "f") (memory (core memory $i "mem")))))`,
      /the option realloc/,
    ],
    [
      'several results need a memory',
      '(component (core module $m (func (export "f") (result i32) unreachable)) (core instance $i (instantiate $m)) (func (result (tuple u8 u8)) (canon lift (core func $i "f"))))',
      /the option memory/,
    ],
    [
      'several results of a lowered function need a memory',
      '(component (import "f" (func $f (result (tuple u8 u8)))) (core func (canon lower (func $f))))',
      /the option memory/,
    ],
    [
      'a string from a lowered function needs realloc',
      '(component (core module $m (memory (export "mem") 1)) (core instance $i (instantiate $m)) (import "f" (func $f (result string))) (core func (canon lower (func $f) (memory (core memory $i "mem")))))',
      /the option realloc/,
    ],
    [
      'realloc needs a memory',
      '(component (core module $m (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)) (core instance $i (instantiate $m)) (import "f" (func $f)) (core func (canon lower (func $f) (realloc (core func $i "r")))))',
      /memory beside realloc/,
    ],
    [
      'realloc has its type',
      '(component (core module $m (memory (export "mem") 1) (func (export "r") (param i32))) (core instance $i (instantiate $m)) (import "f" (func $f)) (core func (canon lower (func $f) (memory (core memory $i "mem")) (realloc (core func $i "r")))))',
      /realloc to be \(i32 i32 i32 i32\) -> \(i32\)/,
    ],
    [
      'post-return takes what was returned',
      '(component (core module $m (func (export "f") (result i64) unreachable) (func (export "p") (param i32))) (core instance $i (instantiate $m)) (func (result u64) (canon lift (core func $i "f") (post-return (core func $i "p")))))',
      /post-return to be \(i64\) -> \(\)/,
    ],
    [
      'a lowered function has no post-return',
      '(component (core module $m (func (export "p"))) (core instance $i (instantiate $m)) (import "f" (func $f)) (core func (canon lower (func $f) (post-return (core func $i "p")))))',
      /no post-return/,
    ],
    [
      'there is one encoding',
      '(component (import "f" (func $f)) (core func (canon lower (func $f) string-encoding=utf8 string-encoding=utf8)))',
      /one string encoding/,
    ],
    [
      'there is one memory',
      '(component (core module $m (memory (export "mem") 1)) (core instance $i (instantiate $m)) (import "f" (func $f)) (core func (canon lower (func $f) (memory (core memory $i "mem")) (memory (core memory $i "mem")))))',
      /option memory once/,
    ],
    [
      'a destructor takes a representation',
      '(component (core module $m (func (export "d") (param i64))) (core instance $i (instantiate $m)) (type (resource (rep i32) (dtor (core func $i "d")))))',
      /destructor \(i32\) -> \(\)/,
    ],
    [
      'resource.new is for resource types of one’s own',
      '(component (import "r" (type $r (sub resource))) (core func (canon resource.new $r)))',
      /that this component defines/,
    ],
    [
      'resource.rep is too',
      '(component (component $c (type $r (resource (rep i32))) (export "r" (type $r))) (instance $c (instantiate $c)) (alias export $c "r" (type $r)) (core func (canon resource.rep $r)))',
      /that this component defines/,
    ],
    [
      'resource.drop is for resource types',
      '(component (type $t u8) (core func (canon resource.drop $t)))',
      /kind resource, got one of kind value/,
    ],
  ],
}
