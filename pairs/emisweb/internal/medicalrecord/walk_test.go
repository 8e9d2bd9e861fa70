package medicalrecord

import (
	"fmt"
	"reflect"
)

// walk visits every string and scalar of a record once, with the path of
// fields that leads to it.
func walk(v reflect.Value, path string, seen map[uintptr]bool, visit func(path string, v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		walk(v.Elem(), path, seen, visit)
	case reflect.Struct:
		if d, ok := v.Type().MethodByName("Wall"); ok && v.CanInterface() {
			visit(path, d.Func.Call([]reflect.Value{v})[0])
			return
		}
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, seen, visit)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), seen, visit)
		}
	default:
		visit(path, v)
	}
}

// flat is a record as lines of path and value.
func flat(v any) []string {
	var out []string
	walk(reflect.ValueOf(v), "", map[uintptr]bool{}, func(path string, v reflect.Value) {
		if s := fmt.Sprint(v); s != "" && s != "0" && s != "false" {
			out = append(out, path+" = "+s)
		}
	})
	return out
}
