package msgraph

import (
	"fmt"
	"strings"
)

// Cloud is one of Microsoft's separate clouds. Tokens of one are worth nothing in another.
type Cloud struct {
	Graph string // root of Microsoft Graph, without the version
	Login string // authority that issues tokens
}

// The clouds ("National cloud deployments"). Global also serves GCC.
var (
	Global   = Cloud{Graph: "https://graph.microsoft.com", Login: "https://login.microsoftonline.com/"}
	USGov    = Cloud{Graph: "https://graph.microsoft.us", Login: "https://login.microsoftonline.us/"}
	USGovDoD = Cloud{Graph: "https://dod-graph.microsoft.us", Login: "https://login.microsoftonline.us/"}
	China    = Cloud{Graph: "https://microsoftgraph.chinacloudapi.cn", Login: "https://login.chinacloudapi.cn/"}
)

// CloudNamed finds a cloud by the name people write in configuration: global, usgov, usgov-dod or china.
func CloudNamed(name string) (Cloud, error) {
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
	return Cloud{}, fmt.Errorf("graph: unknown cloud %q: use global, usgov, usgov-dod or china", name)
}
