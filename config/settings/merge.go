package settings

import (
	"reflect"
	"slices"
)

// A Change is what became of settings that were read anew while the program runs, by their names.
type Change struct {
	Taken   []string // others from now on
	Restart []string // others in the file; what is in force stays until a restart
}

// Merge returns the settings from now on: what was read, and of what wants a restart what is running.
func Merge(running, read *Settings) (*Settings, Change) {
	var c Change
	merged := c.merge(reflect.ValueOf(*running), reflect.ValueOf(*read), "").Interface().(Settings)
	return &merged, c
}

// merge is Merge for a struct of settings at path.
func (c *Change) merge(running, read reflect.Value, path string) reflect.Value {
	merged := reflect.New(running.Type()).Elem()
	merged.Set(running)
	for i := range running.NumField() {
		field := running.Type().Field(i)
		key, ok := field.Tag.Lookup("key")
		if !ok || reflect.DeepEqual(running.Field(i).Interface(), read.Field(i).Interface()) {
			continue
		}
		at := key
		if path != "" {
			at = path + "." + key
		}
		if field.Tag.Get("restart") != "" {
			c.Restart = append(c.Restart, at)
			continue
		}
		switch now := read.Field(i).Interface().(type) {
		case Session, Limits:
			merged.Field(i).Set(c.merge(running.Field(i), read.Field(i), at))
		case []Environment:
			merged.Field(i).Set(reflect.ValueOf(c.environments(running.Field(i).Interface().([]Environment), now)))
		default:
			merged.Field(i).Set(read.Field(i))
			c.Taken = append(c.Taken, at)
		}
	}
	return merged
}

// environments merges those that there are before and after. Each has a connection to TCB and metrics of its own,
// which are made at the start.
func (c *Change) environments(running, read []Environment) (merged []Environment) {
	for _, old := range running {
		at := "environments[" + old.ID + "]"
		i := slices.IndexFunc(read, func(e Environment) bool { return e.ID == old.ID })
		if i < 0 {
			c.Restart = append(c.Restart, at)
			merged = append(merged, old)
			continue
		}
		merged = append(merged, c.merge(reflect.ValueOf(old), reflect.ValueOf(read[i]), at).Interface().(Environment))
	}
	for _, e := range read {
		if !slices.ContainsFunc(running, func(old Environment) bool { return old.ID == e.ID }) {
			c.Restart = append(c.Restart, "environments["+e.ID+"]")
		}
	}
	return merged
}
