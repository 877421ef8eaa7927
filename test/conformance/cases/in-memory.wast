;; Every value type in linear memory, both ways (CanonicalABI.md, Alignment, Element Size, Loading, Storing). The elements of a list lie in
;; memory whatever their type: each export hands the list back where the host lowered it, so that what is read is what was written there.

(component
  (core module $M
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 64))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 8) (local.get 0))
      (i32.store (i32.const 12) (local.get 1))
      (i32.const 8)))
  (core instance $m (instantiate $M))
  (type $bare-record (record (field "small" u8) (field "very-large" u64) (field "text" string)))
  (export $record "type-of-record" (type $bare-record))
  (type $bare-variant (variant (case "none") (case "byte" u8) (case "long" u64) (case "text" string) (case "float" f32)))
  (export $variant "type-of-variant" (type $bare-variant))
  (type $bare-enum (enum "red" "green" "dark-blue"))
  (export $enum "type-of-enum" (type $bare-enum))
  (type $bare-large-enum (enum "e0" "e1" "e2" "e3" "e4" "e5" "e6" "e7" "e8" "e9" "e10" "e11" "e12" "e13" "e14" "e15" "e16" "e17" "e18" "e19" "e20" "e21" "e22" "e23" "e24" "e25" "e26" "e27" "e28" "e29" "e30" "e31" "e32" "e33" "e34" "e35" "e36" "e37" "e38" "e39" "e40" "e41" "e42" "e43" "e44" "e45" "e46" "e47" "e48" "e49" "e50" "e51" "e52" "e53" "e54" "e55" "e56" "e57" "e58" "e59" "e60" "e61" "e62" "e63" "e64" "e65" "e66" "e67" "e68" "e69" "e70" "e71" "e72" "e73" "e74" "e75" "e76" "e77" "e78" "e79" "e80" "e81" "e82" "e83" "e84" "e85" "e86" "e87" "e88" "e89" "e90" "e91" "e92" "e93" "e94" "e95" "e96" "e97" "e98" "e99" "e100" "e101" "e102" "e103" "e104" "e105" "e106" "e107" "e108" "e109" "e110" "e111" "e112" "e113" "e114" "e115" "e116" "e117" "e118" "e119" "e120" "e121" "e122" "e123" "e124" "e125" "e126" "e127" "e128" "e129" "e130" "e131" "e132" "e133" "e134" "e135" "e136" "e137" "e138" "e139" "e140" "e141" "e142" "e143" "e144" "e145" "e146" "e147" "e148" "e149" "e150" "e151" "e152" "e153" "e154" "e155" "e156" "e157" "e158" "e159" "e160" "e161" "e162" "e163" "e164" "e165" "e166" "e167" "e168" "e169" "e170" "e171" "e172" "e173" "e174" "e175" "e176" "e177" "e178" "e179" "e180" "e181" "e182" "e183" "e184" "e185" "e186" "e187" "e188" "e189" "e190" "e191" "e192" "e193" "e194" "e195" "e196" "e197" "e198" "e199" "e200" "e201" "e202" "e203" "e204" "e205" "e206" "e207" "e208" "e209" "e210" "e211" "e212" "e213" "e214" "e215" "e216" "e217" "e218" "e219" "e220" "e221" "e222" "e223" "e224" "e225" "e226" "e227" "e228" "e229" "e230" "e231" "e232" "e233" "e234" "e235" "e236" "e237" "e238" "e239" "e240" "e241" "e242" "e243" "e244" "e245" "e246" "e247" "e248" "e249" "e250" "e251" "e252" "e253" "e254" "e255" "e256"))
  (export $large-enum "type-of-large-enum" (type $bare-large-enum))
  (type $bare-flags-8 (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7"))
  (export $flags-8 "type-of-flags-8" (type $bare-flags-8))
  (type $bare-flags-9 (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8"))
  (export $flags-9 "type-of-flags-9" (type $bare-flags-9))
  (type $bare-flags-17 (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8" "f9" "f10" "f11" "f12" "f13" "f14" "f15" "f16"))
  (export $flags-17 "type-of-flags-17" (type $bare-flags-17))
  (type $bare-flags-32 (flags "f0" "f1" "f2" "f3" "f4" "f5" "f6" "f7" "f8" "f9" "f10" "f11" "f12" "f13" "f14" "f15" "f16" "f17" "f18" "f19" "f20" "f21" "f22" "f23" "f24" "f25" "f26" "f27" "f28" "f29" "f30" "f31"))
  (export $flags-32 "type-of-flags-32" (type $bare-flags-32))
  (func (export "bool") (param "x" (list bool)) (result (list bool))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "s8") (param "x" (list s8)) (result (list s8))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "u8") (param "x" (list u8)) (result (list u8))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "s16") (param "x" (list s16)) (result (list s16))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "u16") (param "x" (list u16)) (result (list u16))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "s32") (param "x" (list s32)) (result (list s32))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "u32") (param "x" (list u32)) (result (list u32))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "s64") (param "x" (list s64)) (result (list s64))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "u64") (param "x" (list u64)) (result (list u64))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "f32") (param "x" (list f32)) (result (list f32))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "f64") (param "x" (list f64)) (result (list f64))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "char") (param "x" (list char)) (result (list char))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "string") (param "x" (list string)) (result (list string))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "bytes") (param "x" (list (list u8))) (result (list (list u8)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "numbers") (param "x" (list (list u64))) (result (list (list u64)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "floats") (param "x" (list (list f32))) (result (list (list f32)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "strings") (param "x" (list (list string))) (result (list (list string)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "lists") (param "x" (list (list (list s16)))) (result (list (list (list s16))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "bools") (param "x" (list (list bool))) (result (list (list bool)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "chars") (param "x" (list (list char))) (result (list (list char)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "record") (param "x" (list $record)) (result (list $record))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "tuple") (param "x" (list (tuple u8 u32 u8 u64))) (result (list (tuple u8 u32 u8 u64)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "variant") (param "x" (list $variant)) (result (list $variant))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "enum") (param "x" (list $enum)) (result (list $enum))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "large-enum") (param "x" (list $large-enum)) (result (list $large-enum))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "option") (param "x" (list (option u32))) (result (list (option u32)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "option-of-option") (param "x" (list (option (option u8)))) (result (list (option (option u8))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "option-of-byte") (param "x" (list (option u8))) (result (list (option u8)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "result") (param "x" (list (result u8 (error string)))) (result (list (result u8 (error string))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "result-ok") (param "x" (list (result u64))) (result (list (result u64)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "result-error") (param "x" (list (result (error char)))) (result (list (result (error char))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "result-bare") (param "x" (list (result))) (result (list (result)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "flags-8") (param "x" (list $flags-8)) (result (list $flags-8))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "flags-9") (param "x" (list $flags-9)) (result (list $flags-9))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "flags-17") (param "x" (list $flags-17)) (result (list $flags-17))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "flags-32") (param "x" (list $flags-32)) (result (list $flags-32))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
  (func (export "tuples") (param "x" (list (list (tuple u8 u16)))) (result (list (list (tuple u8 u16))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))

(assert_return (invoke "bool"
  (list.const (bool.const true) (bool.const false)))
  (list.const (bool.const true) (bool.const false)))
(assert_return (invoke "s8"
  (list.const (s8.const -128) (s8.const 127)))
  (list.const (s8.const -128) (s8.const 127)))
(assert_return (invoke "u8"
  (list.const (u8.const 0) (u8.const 255)))
  (list.const (u8.const 0) (u8.const 255)))
(assert_return (invoke "s16"
  (list.const (s16.const -32768) (s16.const 32767)))
  (list.const (s16.const -32768) (s16.const 32767)))
(assert_return (invoke "u16"
  (list.const (u16.const 65535) (u16.const 1)))
  (list.const (u16.const 65535) (u16.const 1)))
(assert_return (invoke "s32"
  (list.const (s32.const -2147483648) (s32.const 2147483647)))
  (list.const (s32.const -2147483648) (s32.const 2147483647)))
(assert_return (invoke "u32"
  (list.const (u32.const 4294967295) (u32.const 0)))
  (list.const (u32.const 4294967295) (u32.const 0)))
(assert_return (invoke "s64"
  (list.const (s64.const -9223372036854775808) (s64.const 9223372036854775807)))
  (list.const (s64.const -9223372036854775808) (s64.const 9223372036854775807)))
(assert_return (invoke "u64"
  (list.const (u64.const 18446744073709551615) (u64.const 9007199254740993)))
  (list.const (u64.const 18446744073709551615) (u64.const 9007199254740993)))
(assert_return (invoke "f32"
  (list.const (f32.const 1.5) (f32.const nan) (f32.const -0) (f32.const inf)))
  (list.const (f32.const 1.5) (f32.const nan) (f32.const -0) (f32.const inf)))
(assert_return (invoke "f64"
  (list.const (f64.const -0.1) (f64.const nan) (f64.const -0) (f64.const -inf)))
  (list.const (f64.const -0.1) (f64.const nan) (f64.const -0) (f64.const -inf)))
(assert_return (invoke "char"
  (list.const (char.const "\u{10ffff}") (char.const "z")))
  (list.const (char.const "\u{10ffff}") (char.const "z")))
(assert_return (invoke "string"
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
(assert_return (invoke "bytes"
  (list.const (list.const) (list.const (u8.const 1) (u8.const 255))))
  (list.const (list.const) (list.const (u8.const 1) (u8.const 255))))
(assert_return (invoke "numbers"
  (list.const (list.const (u64.const 1) (u64.const 18446744073709551615))))
  (list.const (list.const (u64.const 1) (u64.const 18446744073709551615))))
(assert_return (invoke "floats"
  (list.const (list.const (f32.const 0.5) (f32.const -inf))))
  (list.const (list.const (f32.const 0.5) (f32.const -inf))))
(assert_return (invoke "strings"
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
(assert_return (invoke "lists"
  (list.const (list.const (list.const) (list.const (s16.const -1) (s16.const 2)) (list.const (s16.const 3)))))
  (list.const (list.const (list.const) (list.const (s16.const -1) (s16.const 2)) (list.const (s16.const 3)))))
(assert_return (invoke "bools"
  (list.const (list.const (bool.const true) (bool.const false) (bool.const true))))
  (list.const (list.const (bool.const true) (bool.const false) (bool.const true))))
(assert_return (invoke "chars"
  (list.const (list.const (char.const "a") (char.const "\u{1f600}"))))
  (list.const (list.const (char.const "a") (char.const "\u{1f600}"))))
(assert_return (invoke "record"
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
(assert_return (invoke "tuple"
  (list.const (tuple.const (u8.const 1) (u32.const 2) (u8.const 3) (u64.const 4)) (tuple.const (u8.const 5) (u32.const 6) (u8.const 7) (u64.const 8))))
  (list.const (tuple.const (u8.const 1) (u32.const 2) (u8.const 3) (u64.const 4)) (tuple.const (u8.const 5) (u32.const 6) (u8.const 7) (u64.const 8))))
(assert_return (invoke "variant"
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
(assert_return (invoke "enum"
  (list.const (enum.const "red") (enum.const "dark-blue")))
  (list.const (enum.const "red") (enum.const "dark-blue")))
(assert_return (invoke "large-enum"
  (list.const (enum.const "e0") (enum.const "e255") (enum.const "e256")))
  (list.const (enum.const "e0") (enum.const "e255") (enum.const "e256")))
(assert_return (invoke "option"
  (list.const (option.none) (option.some (u32.const 0))))
  (list.const (option.none) (option.some (u32.const 0))))
(assert_return (invoke "option-of-option"
  (list.const (option.none) (option.some (option.none)) (option.some (option.some (u8.const 1)))))
  (list.const (option.none) (option.some (option.none)) (option.some (option.some (u8.const 1)))))
(assert_return (invoke "option-of-byte"
  (list.const (option.some (u8.const 1)) (option.none)))
  (list.const (option.some (u8.const 1)) (option.none)))
(assert_return (invoke "result"
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))
(assert_return (invoke "result-ok"
  (list.const (result.ok (u64.const 1)) (result.err)))
  (list.const (result.ok (u64.const 1)) (result.err)))
(assert_return (invoke "result-error"
  (list.const (result.ok) (result.err (char.const "x"))))
  (list.const (result.ok) (result.err (char.const "x"))))
(assert_return (invoke "result-bare"
  (list.const (result.ok) (result.err)))
  (list.const (result.ok) (result.err)))
(assert_return (invoke "flags-8"
  (list.const (flags.const) (flags.const "f0" "f7")))
  (list.const (flags.const) (flags.const "f0" "f7")))
(assert_return (invoke "flags-9"
  (list.const (flags.const "f0" "f8") (flags.const "f7")))
  (list.const (flags.const "f0" "f8") (flags.const "f7")))
(assert_return (invoke "flags-17"
  (list.const (flags.const "f16") (flags.const "f0" "f15" "f16")))
  (list.const (flags.const "f16") (flags.const "f0" "f15" "f16")))
(assert_return (invoke "flags-32"
  (list.const (flags.const "f31") (flags.const "f0" "f30")))
  (list.const (flags.const "f31") (flags.const "f0" "f30")))
(assert_return (invoke "tuples"
  (list.const (list.const (tuple.const (u8.const 1) (u16.const 2)) (tuple.const (u8.const 3) (u16.const 4)))))
  (list.const (list.const (tuple.const (u8.const 1) (u16.const 2)) (tuple.const (u8.const 3) (u16.const 4)))))

(component
  (core module $M
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 64))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 8) (local.get 0))
      (i32.store (i32.const 12) (local.get 1))
      (i32.const 8)))
  (core instance $m (instantiate $M))
  (type $bare-record (record (field "small" u8) (field "very-large" u64) (field "text" string)))
  (export $record "type-of-record" (type $bare-record))
  (type $bare-variant (variant (case "none") (case "byte" u8) (case "long" u64) (case "text" string) (case "float" f32)))
  (export $variant "type-of-variant" (type $bare-variant))
  (func (export "string") (param "x" (list string)) (result (list string))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16))
  (func (export "strings") (param "x" (list (list string))) (result (list (list string)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16))
  (func (export "record") (param "x" (list $record)) (result (list $record))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16))
  (func (export "variant") (param "x" (list $variant)) (result (list $variant))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16))
  (func (export "result") (param "x" (list (result u8 (error string)))) (result (list (result u8 (error string))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=utf16)))

(assert_return (invoke "string"
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
(assert_return (invoke "strings"
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
(assert_return (invoke "record"
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
(assert_return (invoke "variant"
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
(assert_return (invoke "result"
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))

(component
  (core module $M
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 64))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32) (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
      (local.get $at))
    (func (export "same") (param i32 i32) (result i32)
      (i32.store (i32.const 8) (local.get 0))
      (i32.store (i32.const 12) (local.get 1))
      (i32.const 8)))
  (core instance $m (instantiate $M))
  (type $bare-record (record (field "small" u8) (field "very-large" u64) (field "text" string)))
  (export $record "type-of-record" (type $bare-record))
  (type $bare-variant (variant (case "none") (case "byte" u8) (case "long" u64) (case "text" string) (case "float" f32)))
  (export $variant "type-of-variant" (type $bare-variant))
  (func (export "string") (param "x" (list string)) (result (list string))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=latin1+utf16))
  (func (export "strings") (param "x" (list (list string))) (result (list (list string)))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=latin1+utf16))
  (func (export "record") (param "x" (list $record)) (result (list $record))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=latin1+utf16))
  (func (export "variant") (param "x" (list $variant)) (result (list $variant))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=latin1+utf16))
  (func (export "result") (param "x" (list (result u8 (error string)))) (result (list (result u8 (error string))))
    (canon lift (core func $m "same") (memory (core memory $m "memory")) (realloc (core func $m "realloc")) string-encoding=latin1+utf16)))

(assert_return (invoke "string"
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
  (list.const (str.const "") (str.const "snowman ☃ and \u{1f600}") (str.const "a\00b")))
(assert_return (invoke "strings"
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
  (list.const (list.const (str.const "a") (str.const "") (str.const "öä"))))
(assert_return (invoke "record"
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
  (list.const (record.const (field "small" u8.const 1) (field "very-large" u64.const 2) (field "text" str.const "three")) (record.const (field "small" u8.const 255) (field "very-large" u64.const 0) (field "text" str.const ""))))
(assert_return (invoke "variant"
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
  (list.const
    (variant.const "none")
    (variant.const "byte" (u8.const 7))
    (variant.const "long" (u64.const 8))
    (variant.const "text" (str.const "nine"))
    (variant.const "float" (f32.const 10.5))))
(assert_return (invoke "result"
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))
  (list.const (result.ok (u8.const 1)) (result.err (str.const "no"))))
