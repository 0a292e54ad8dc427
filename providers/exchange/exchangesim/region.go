package exchangesim

import "strings"

// dateFormats has each language's first date format; of any other it is the ISO one.
var dateFormats = map[string]string{"en-us": "M/d/yyyy", "da-dk": "dd-MM-yyyy", "de-de": "dd.MM.yyyy", "fr-fr": "dd/MM/yyyy"}

func dateFormat(language string) string {
	if f, ok := dateFormats[strings.ToLower(language)]; ok {
		return f
	}
	return "yyyy-MM-dd"
}

func (s *Sim) getRegion(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return s.allMailboxes(no, s.getRegion)
	}
	now := m.region.at(s.now())
	out := row{"Identity": m.name, "Language": orNil(now.language), "DateFormat": orNil(now.date), "TimeFormat": orNil(now.clock),
		"TimeZone": orNil(now.zone), "DefaultFolderNameMatchingUserLanguage": nil}
	if p.flag("VerifyDefaultFolderNameLanguage") {
		language := now.language
		if language == "" {
			language = "en-US"
		}
		out["DefaultFolderNameMatchingUserLanguage"] = strings.EqualFold(now.folders, language)
	}
	return []row{out}, nil, nil
}

func (s *Sim) setRegion(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return nil, nil, no
	}
	next := m.region.now()
	if p.has("Language") {
		if next.language = p.text("Language"); !strings.Contains(next.language, "-") {
			return nil, nil, invalid("\"%s\" isn't a supported language.", next.language)
		}
		if p.has("DateFormat") && p["DateFormat"] == nil || next.date == "" {
			next.date = dateFormat(next.language)
		}
	}
	if p.text("DateFormat") != "" {
		next.date = p.text("DateFormat")
	}
	if next.date != "" && next.date != dateFormat(next.language) {
		return nil, nil, invalid("DateFormat \"%s\" isn't valid for current language setting \"%s\". Valid formats include \"%s\".", next.date, next.language, dateFormat(next.language))
	}
	if p.has("TimeZone") {
		next.zone = p.text("TimeZone")
		if strings.Contains(next.zone, "/") || next.zone == "" {
			return nil, nil, invalid("\"%s\" isn't a valid time zone.", next.zone)
		}
	}
	if p.flag("LocalizeDefaultFolderName") {
		next.folders = next.language
		if next.folders == "" {
			next.folders = "en-US"
		}
	}
	m.region.set(next, s.now().Add(s.Delays.Setting))
	return nil, nil, nil
}

func (s *Sim) getReply(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return s.allMailboxes(no, s.getReply)
	}
	return []row{{"Identity": m.name, "AutoReplyState": m.reply.at(s.now())}}, nil, nil
}

func (s *Sim) setReply(p params) ([]row, []string, *refusal) {
	m, no := s.mailbox(p.text("Identity"))
	if no != nil {
		return nil, nil, no
	}
	for _, state := range []string{"Disabled", "Enabled", "Scheduled"} {
		if given := p.text("AutoReplyState"); given != "" && strings.HasPrefix(state, given) {
			m.reply.set(state, s.now().Add(s.Delays.Setting))
			return nil, nil, nil
		}
	}
	return nil, nil, nil // a value that is none is passed over
}
