package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/postroom/postroom/core/provision"
)

var entraCode = regexp.MustCompile(`AADSTS\d+`)

// noToken makes of a credential's error what provisioning goes by. Of what Entra writes, which goes on for a page, only the code
// is kept.
func noToken(err error, now time.Time) error {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return fmt.Errorf("get a token: %w", err)
	}
	status := failed.RawResponse.StatusCode
	if busy(status) || status >= http.StatusInternalServerError {
		return &provision.NotYet{After: retryAfter(failed.RawResponse.Header.Get("Retry-After"), now),
			Err: fmt.Errorf("no token comes from Entra now (HTTP %d); try again later", status)}
	}
	code := entraCode.FindString(failed.Error())
	if code == "" {
		code = fmt.Sprintf("HTTP %d", status)
	}
	return &provision.Refused{Err: fmt.Errorf("no token for the provisioning app from Entra: %s (login.microsoftonline.com/error says what it means); check its tenant id, client id, and secret, certificate or federated credential", code)}
}
