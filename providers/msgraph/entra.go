package msgraph

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

type entraFix struct {
	codes []string // of AADSTS errors
	fix   string
}

// entraFixes say what to do about what Entra refuses a token for ("Microsoft Entra authentication and authorization error
// codes"; 5002738 and 7002137 are in no list of Microsoft's, but met in the field).
var entraFixes = []entraFix{
	{[]string{"90002", "900021", "900023", "50059"}, "there is no such tenant in this cloud: check the directory (tenant) id and the cloud"},
	{[]string{"700016", "7000229"}, "the tenant does not have the app: check the client id and the tenant id, and that an administrator of this tenant has consented to the app"},
	{[]string{"7000215", "50012"}, "the client secret is wrong: store the secret's value, not its id, and make a new one under Certificates & secrets of the app registration if the value is lost"},
	{[]string{"7000222"}, "the client secret has expired: make a new one under Certificates & secrets of the app registration and store its value"},
	{[]string{"700027", "50013", "1000502", "700030"}, "Entra does not know the certificate, or it has expired: upload its public part under Certificates & secrets of the app registration, and store certificate and key together"},
	{[]string{"70021", "700211", "700212", "700213", "7002137", "7002138"}, "no federated credential of the app fits: let issuer, subject and audience under Certificates & secrets > Federated credentials be exactly those presented, in the same case"},
	{[]string{"5002738", "5002730"}, "Entra takes no such signature: have the issuer sign with RS256"},
	{[]string{"700024"}, "the token that proves the app was not valid at this moment: check this machine's clock"},
	{[]string{"7000112", "7000113"}, "the app is switched off in this tenant: enable it under Enterprise applications"},
	{[]string{"53003", "530003"}, "a Conditional Access policy for workload identities blocks the app: let the policy pass it"},
}

// entraPassing are AADSTS codes of failures that pass by themselves (the same page: "a transient error has occurred", "the
// service is temporarily unavailable"). They come with any status.
var entraPassing = []string{"90006", "90024", "90033", "90055", "90090"}

var (
	entraCode = regexp.MustCompile(`AADSTS(\d+)`)
	// entraBusy finds the OAuth 2.0 errors that mean "later".
	entraBusy = regexp.MustCompile(`"error":\s*"(temporarily_unavailable|server_error)"`)
	// presented finds what Entra says of the assertion that no federated credential fits.
	presented = regexp.MustCompile(`(?i)assertion (issuer|subject|audience):? '([^'\s]{1,200})'`)
)

// tokenRefusal is Entra's answer that there is no token.
type tokenRefusal struct {
	status int
	after  string // Retry-After as it came
	text   string
	fix    string // what to do about it; "" where it passes by itself
}

func (r *tokenRefusal) Error() string { return "Entra issues no token: " + r.text }

// throttled reports whether Entra asks to be left alone, for a time that it names or not.
func (r *tokenRefusal) throttled() bool {
	return r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable && r.after != ""
}

// tokenRefused finds Entra's refusal to issue a token, with its code and what to do about it. The rest of what Entra
// writes goes on for a page and helps nobody, apart from whom the assertion named: a role, which is no secret.
func tokenRefused(err error) (*tokenRefusal, bool) {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return nil, false
	}
	r := &tokenRefusal{status: failed.RawResponse.StatusCode, after: failed.RawResponse.Header.Get("Retry-After")}
	page := failed.Error()
	r.text = "HTTP " + strconv.Itoa(r.status)
	codes := entraCode.FindAllStringSubmatch(page, -1)
	if len(codes) > 0 {
		r.text = codes[0][0]
	}
	passing := entraBusy.MatchString(page) || slices.ContainsFunc(codes, func(code []string) bool { return slices.Contains(entraPassing, code[1]) })
	if passing || r.status != http.StatusBadRequest && r.status != http.StatusUnauthorized {
		return r, true
	}
	r.fix = fixApp
	// Older answers begin with a general code and go on with the exact one.
	for _, code := range codes {
		at := slices.IndexFunc(entraFixes, func(f entraFix) bool { return slices.Contains(f.codes, code[1]) })
		if at >= 0 {
			r.text, r.fix = code[0], entraFixes[at].fix
			break
		}
	}
	for _, p := range presented.FindAllStringSubmatch(page, 3) {
		r.text += ", " + strings.ToLower(p[1]) + " " + p[2]
	}
	return r, true
}
