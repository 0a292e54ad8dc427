package gmailsim

import (
	"slices"
	"strings"
)

type settings struct {
	sendAs    []wireSendAs // the first is the primary address
	delegates []delegate
	vacation  wireVacation
	language  string
}

func newSettings(address string) settings {
	return settings{
		sendAs:   []wireSendAs{{SendAsEmail: address, IsPrimary: true, IsDefault: true}},
		language: "en",
	}
}

type wireVacation struct {
	EnableAutoReply       bool   `json:"enableAutoReply"`
	ResponseSubject       string `json:"responseSubject,omitempty"`
	ResponseBodyPlainText string `json:"responseBodyPlainText,omitempty"`
	ResponseBodyHTML      string `json:"responseBodyHtml,omitempty"`
	RestrictToContacts    bool   `json:"restrictToContacts,omitempty"`
	RestrictToDomain      bool   `json:"restrictToDomain,omitempty"`
	StartTime             id64   `json:"startTime,omitempty"`
	EndTime               id64   `json:"endTime,omitempty"`
}

type wireLanguage struct {
	DisplayLanguage string `json:"displayLanguage"`
}

func (c *call) getVacation() (any, error) { return c.settings.vacation, nil }

func (c *call) updateVacation() (any, error) {
	var in wireVacation
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.EnableAutoReply && in.ResponseSubject == "" && in.ResponseBodyPlainText == "" && in.ResponseBodyHTML == "" {
		return nil, invalid("Either a subject or a body is required to enable the vacation responder")
	}
	if in.StartTime != 0 && in.EndTime != 0 && in.StartTime >= in.EndTime {
		return nil, invalid("startTime must precede endTime")
	}
	c.settings.vacation = in
	return in, nil
}

func (c *call) getLanguage() (any, error) { return wireLanguage{c.settings.language}, nil }

// displayLanguages are some of those that Gmail has ("Manage language settings").
var displayLanguages = []string{
	"ar", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fr", "fr-CA", "he", "hu", "it", "ja", "ko", "lt", "lv",
	"nl", "no", "pl", "pt-BR", "pt-PT", "ro", "ru", "sk", "sv", "tr", "uk", "zh-CN", "zh-HK", "zh-TW",
}

// updateLanguage saves the closest language that Gmail has, and answers with it.
func (c *call) updateLanguage() (any, error) {
	var in wireLanguage
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	base, _, _ := strings.Cut(in.DisplayLanguage, "-")
	if strings.EqualFold(base, "nb") { // it has one Norwegian
		base = "no"
	}
	for _, fits := range []func(string) bool{
		func(have string) bool { return strings.EqualFold(have, in.DisplayLanguage) },
		func(have string) bool { return strings.EqualFold(have, base) },
		func(have string) bool { return base != "" && strings.HasPrefix(have, strings.ToLower(base)+"-") },
	} {
		if i := slices.IndexFunc(displayLanguages, fits); i >= 0 {
			c.settings.language = displayLanguages[i]
			return wireLanguage{c.settings.language}, nil
		}
	}
	return nil, invalid("Invalid display language")
}
