package identifier

import "tcb-login/pattern"

var deviceID = pattern.New(`^[A-Za-z0-9-]{16,48}$`)

// IsDeviceID reports whether a text can be a device_id of the SDK's.
func IsDeviceID(s string) bool { return deviceID.MatchString(s) }
