package config

// Texts reports whether TCB sends text messages for the environment.
func (e *Environment) Texts() bool { return e.Region == phoneRegion }
