package exchange

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{
		"50 GB (53,687,091,200 bytes)": 50 << 30, "50 GB (53.687.091.200 bytes)": 50 << 30, "50 GB (53\u00a0687\u00a0091\u00a0200 bytes)": 50 << 30,
		"50 GB (53’687’091’200 bytes)": 50 << 30, "0 B (0 bytes)": 0, "50GB": 50 << 30, "1.5 gb": 3 << 29, "53687091200": 50 << 30, "12B": 12, "3 TB": 3 << 40,
		"Unlimited": -1, "": -1, "-1": -1, "-5 GB": -1, "1 GB (bytes)": -1, "1 GB (1,0x0 bytes)": -1, "99999999999999999999": -1, "1e300 TB": -1, "NaN GB": -1, "Inf GB": -1,
	} {
		got, ok := size(s)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %d, want %d", s, got, want)
		}
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	for iana, windows := range map[string]string{
		"Europe/Copenhagen": "Romance Standard Time", "Europe/Paris": "Romance Standard Time", "Europe/Berlin": "W. Europe Standard Time",
		"Asia/Kolkata": "India Standard Time", "Asia/Calcutta": "India Standard Time", "Europe/Kyiv": "FLE Standard Time", "Europe/Kiev": "FLE Standard Time",
		"America/Argentina/Buenos_Aires": "Argentina Standard Time", "UTC": "UTC", "Etc/UTC": "UTC", "europe/paris": "Romance Standard Time",
		"Romance Standard Time": "Romance Standard Time", "Mars/Phobos": "", "": "",
	} {
		if got, ok := windowsZone(iana); got != windows || ok != (windows != "") {
			t.Errorf("%s is %q", iana, got)
		}
	}
	for _, tt := range [][3]string{
		{"Romance Standard Time", "Europe/Copenhagen", "Europe/Copenhagen"}, {"Romance Standard Time", "Europe/Madrid", "Europe/Madrid"},
		{"romance standard time", "", "Europe/Paris"}, {"Romance Standard Time", "Europe/Berlin", "Europe/Paris"}, {"India Standard Time", "", "Asia/Kolkata"},
		{"New Zone", "Europe/Paris", "New Zone"}, {"", "", ""},
	} {
		if got := ianaZone(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s with the wish %s is %s, want %s", tt[0], tt[1], got, tt[2])
		}
	}
}

// TestZoneTable holds the table against the time zones of Go: each name is one, and the first names of each Windows zone go
// there and back.
func TestZoneTable(t *testing.T) {
	t.Parallel()
	known := 0
	for line := range strings.Lines(zoneTable) {
		windows, names, _ := strings.Cut(strings.TrimSpace(line), "=")
		for i, n := range strings.Fields(names) {
			if _, err := time.LoadLocation(n); err == nil {
				known++
			} else if i == 0 {
				t.Errorf("%s: Go does not know %s", windows, n)
			}
			if w, ok := windowsZone(n); !ok || w != windows {
				t.Errorf("%s of %s is taken for %s", n, windows, w)
			}
		}
	}
	if known < 500 {
		t.Errorf("only %d zones are known to Go", known)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	const wish = "CustomAttribute15 -eq 'Postroom'"
	for filter, same := range map[string]bool{
		wish: true, "((CustomAttribute15 -eq 'Postroom'))": true, `customattribute15  -EQ "Postroom"`: true,
		"CustomAttribute1 -eq 'Postroom'": false, "CustomAttribute15 -eq 'postroom'": false, "CustomAttribute15 -eq 'Post room'": false, "CustomAttribute15 -ne 'Postroom'": false, "": false,
		"CustomAttribute15 -eq 'Postroom' -or Alias -like '*'": false,
	} {
		if (plainFilter(filter) == plainFilter(wish)) != same {
			t.Errorf("%s: same %v", filter, !same)
		}
	}
}

func TestNicknames(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]string{
		"support": "support", "a.b": "a.b", ".a..b.": "a.b", "o'hara": "o-hara", "æøå": "---", "": "mailbox", "...": "mailbox", strings.Repeat("x", 64): strings.Repeat("x", 57), strings.Repeat("x", 56) + ".y": strings.Repeat("x", 56),
	} {
		if got := nickname(local); got != want {
			t.Errorf("%q becomes %q, want %q", local, got, want)
		}
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	var r Row
	if err := json.Unmarshal([]byte(`{"s":"x","n":3,"b":true,"null":null,"l":["a","","b",{"Name":"c"}],"braced":"{FullAccess, ReadPermission}","one":"a","size":{"IsUnlimited":false,"Value":{"Value":"1 GB"}},"listed":["q"]}`), &r); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"s": "x", "n": "3", "b": "true", "null": "", "absent": "", "size": "1 GB", "listed": "q", "l": ""} {
		if got := r.text(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"l": "a b c", "braced": "FullAccess ReadPermission", "one": "a", "null": "", "absent": "", "n": ""} {
		if got := strings.Join(r.list(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzFailure(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"Invalid Operation","innererror":{"internalexception":{"message":"x","type":"y"}},"details":[{"message":"|A.B|c"}]}}`))
	f.Add([]byte("\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		said := newFailure("Get-Mailbox", 400, b).Error()
		if len(said) > maxSaid+400 || strings.ContainsAny(said, "\x00\n\r\x1b") || !utf8.ValidString(said) {
			t.Errorf("said %q", said)
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add(200, []byte(`{"value":[{"AccessRights":["FullAccess"],"User":"x"}],"@odata.nextLink":"x","@adminapi.warnings":["w"]}`))
	f.Fuzz(func(t *testing.T, status int, b []byte) {
		p, err := readPage(&Command{Name: "Get-Mailbox"}, status, b)
		if err != nil && len(p.Value) > 0 {
			t.Error("rows beside an error")
		}
		for _, row := range p.Value {
			for name := range row {
				row.text(name)
				row.list(name)
				row.flag(name)
			}
		}
	})
}

func FuzzSize(f *testing.F) {
	f.Add("50 GB (53,687,091,200 bytes)")
	f.Add("1.5GB")
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := size(s); ok && n < 0 {
			t.Errorf("%q is %d", s, n)
		}
	})
}

// TestNextPages: a link may name the port, and is followed to the host we know and no other.
func TestNextPages(t *testing.T) {
	t.Parallel()
	e, err := NewEndpoint(Options{Tenant: "11111111-2222-3333-4444-555555555555", Credential: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	for link, want := range map[string]string{
		"https://outlook.office365.com/adminapi/beta/t/InvokeCommand?$skiptoken=x":     "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?$skiptoken=x",
		"https://outlook.office365.com:443/adminapi/beta/t/InvokeCommand?$skiptoken=x": "https://outlook.office365.com/adminapi/beta/t/InvokeCommand?$skiptoken=x",
		"https://Outlook.Office365.com/adminapi/beta/t/InvokeCommand":                  "https://outlook.office365.com/adminapi/beta/t/InvokeCommand",
		"https://outlook.office365.com:8443/adminapi/beta/t/InvokeCommand":             "",
		"http://outlook.office365.com:443/adminapi/beta/t/InvokeCommand":               "",
		"https://outlook.office365.com.example.com/adminapi/beta/t/InvokeCommand":      "",
		"https://outlook.office365.com@example.com/adminapi/beta/t/InvokeCommand":      "",
	} {
		next, err := e.follow(link)
		got := ""
		if err == nil {
			got = next.String()
		}
		if got != want {
			t.Errorf("%s: %q, %v", link, got, err)
		}
	}
}

type nobody struct{ azcore.TokenCredential }
