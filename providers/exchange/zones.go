package exchange

import (
	"strings"
	"sync"
)

type zoneMaps struct {
	windows map[string]string   // by IANA name in lower case
	iana    map[string][]string // by Windows name in lower case
}

var zones = sync.OnceValue(func() zoneMaps {
	m := zoneMaps{windows: map[string]string{}, iana: map[string][]string{}}
	for line := range strings.Lines(zoneTable) {
		windows, names, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		list := strings.Fields(names)
		m.iana[strings.ToLower(windows)] = list
		for _, n := range list {
			if n = strings.ToLower(n); m.windows[n] == "" {
				m.windows[n] = windows
			}
		}
	}
	return m
})

// windowsZone is the Windows time zone, which is what Exchange knows, of an IANA one. A name that is a Windows one already is
// itself.
func windowsZone(iana string) (string, bool) {
	if w, ok := zones().windows[strings.ToLower(iana)]; ok {
		return w, true
	}
	if _, ok := zones().iana[strings.ToLower(iana)]; ok {
		return iana, true
	}
	return "", false
}

// ianaZone is an IANA time zone that a Windows one stands for: wish where it does, for Europe/Copenhagen and Europe/Paris are one
// zone to Windows; else the one CLDR prefers; else, of a zone that CLDR does not know, its own name.
func ianaZone(windows, wish string) string {
	if w, ok := windowsZone(wish); ok && strings.EqualFold(w, windows) {
		return wish
	}
	if list := zones().iana[strings.ToLower(windows)]; len(list) > 0 {
		return list[0]
	}
	return windows
}
