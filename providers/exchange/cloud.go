package exchange

import (
	"fmt"
	"strings"
)

// The clouds' roots ("Exchange Online Admin API", endpoints by cloud). Tokens of one are worth nothing in another.
const (
	Global   = "https://outlook.office365.com"
	China    = "https://outlook.office365.cn"
	USGov    = "https://outlook.office365.us"
	USGovDoD = "https://outlook-dod.office365.us"
)

// CloudNamed is the root of the cloud that people name so in configuration: global, usgov, usgov-dod or china.
func CloudNamed(name string) (string, error) {
	switch strings.ToLower(name) {
	case "", "global":
		return Global, nil
	case "usgov":
		return USGov, nil
	case "usgov-dod":
		return USGovDoD, nil
	case "china":
		return China, nil
	}
	return "", fmt.Errorf("exchange: unknown cloud %q: use global, usgov, usgov-dod or china", name)
}
