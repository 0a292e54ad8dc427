package documentsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

func writeSSM(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // a caller that has gone need not be told
}

func writeSSMError(w http.ResponseWriter, status int, code, message string) {
	writeSSM(w, status, map[string]string{"__type": code, "message": message})
}

func (s *Sim) writeBusyParameter(w http.ResponseWriter, _ *http.Request) {
	writeSSMError(w, http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
}

// kept is how many versions of a parameter there are at most ("Working with parameter versions in Parameter Store").
const kept = 100

type parameter struct {
	ARN     string
	Name    string
	Type    string
	Value   string
	Version int
}

func (s *Sim) serveParameter(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/GetParameter" {
		writeSSMError(w, http.StatusNotImplemented, "NotSimulated", r.URL.Path+" is not simulated")
		return
	}
	var in struct {
		Name           string
		WithDecryption bool
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		writeSSMError(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	if s.denied["ssm:GetParameter"] || s.denied["kms:Decrypt"] && in.WithDecryption {
		writeSSMError(w, http.StatusBadRequest, "AccessDeniedException", "User: arn:aws:sts::000000000000:assumed-role/function is not authorized to perform: ssm:GetParameter")
		return
	}
	name, selector, selected := strings.Cut(in.Name, ":")
	values := s.parameters[name]
	if len(values) == 0 {
		writeSSMError(w, http.StatusBadRequest, "ParameterNotFound", "")
		return
	}
	n := len(values)
	if selected {
		var err error
		if n, err = strconv.Atoi(selector); err != nil || n < 1 || n > len(values) || n <= len(values)-kept {
			writeSSMError(w, http.StatusBadRequest, "ParameterVersionNotFound", "Systems Manager could not find version "+selector+" of "+name+".")
			return
		}
	}
	s.read(name)
	writeSSM(w, http.StatusOK, map[string]parameter{"Parameter": {
		ARN: "arn:aws:ssm:us-east-1:000000000000:parameter" + name, Name: name, Type: "String", Value: values[n-1], Version: n,
	}})
}
