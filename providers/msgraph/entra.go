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

var (
	entraCode = regexp.MustCompile(`AADSTS(\d+)`)
	// presented finds what Entra says of the assertion that no federated credential fits.
	presented = regexp.MustCompile(`(?i)assertion (issuer|subject|audience):? '([^'\s]{1,200})'`)
)

// tokenRefused reports whether Entra refused to issue a token, with its code and what to do about it. The rest of what
// Entra writes goes on for a page and helps nobody, apart from whom the assertion named: a role, which is no secret.
func tokenRefused(err error) (answer, fix string, ok bool) {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return "", "", false
	}
	status := failed.RawResponse.StatusCode
	if status != http.StatusBadRequest && status != http.StatusUnauthorized {
		return "", "", false
	}
	text := failed.Error()
	answer, fix = "HTTP "+strconv.Itoa(status), fixApp
	codes := entraCode.FindAllStringSubmatch(text, -1)
	if len(codes) > 0 {
		answer = codes[0][0]
	}
	// Older answers begin with a general code and go on with the exact one.
	for _, code := range codes {
		at := slices.IndexFunc(entraFixes, func(f entraFix) bool { return slices.Contains(f.codes, code[1]) })
		if at >= 0 {
			answer, fix = code[0], entraFixes[at].fix
			break
		}
	}
	for _, p := range presented.FindAllStringSubmatch(text, 3) {
		answer += ", " + strings.ToLower(p[1]) + " " + p[2]
	}
	return "Entra issues no token: " + answer, fix, true
}
