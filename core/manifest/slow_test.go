package manifest_test
import ("testing";"strings";"time";"fmt";"github.com/postroom/postroom/core/manifest")
func TestSlow(t *testing.T){
 h:="version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\nmembers:\n"
 mem:=func(n int)(s string){var b strings.Builder;for i:=range n{fmt.Fprintf(&b,"  m%d: {name: N%d, email: m%d@contoso.com}\n",i,i,i)};return b.String()}
 var ag strings.Builder
 for i:=range 2000 {fmt.Fprintf(&ag,"      - m%d\n",i)}
 var boxes strings.Builder
 for i:=range 40 {fmt.Fprintf(&boxes,"  b%d@contoso.com:\n    provider: m365\n    agents:\n%s",i,ag.String())}
 var pats strings.Builder
 for i:=range 180 {fmt.Fprintf(&pats,"p%d,",i)}
 var rl strings.Builder
 for i:=range 500 {fmt.Fprintf(&rl,"      - {when: {subject: [%sx%d]}, then: {stop: true}}\n",pats.String(),i)}
 var rx strings.Builder
 for i:=range 500 {fmt.Fprintf(&rx,"      - {when: {if: '%s true'}, then: {stop: true}}\n",strings.Repeat(`message.Subject matches "(a{9}|b{9}){9}" or `,40-i%2))}
 println("start"); for n,d:=range map[string]string{
  "unknown keys":strings.Repeat("abcdefgh: 1\n",80000), 
  "distinct keys":func()string{var b strings.Builder;for i:=range 100000{fmt.Fprintf(&b,"k%d: 1\n",i)};return b.String()}(),
  "members": h+mem(15000),
  "unknown agents": h+mem(1999)+"mailboxes:\n  a@contoso.com:\n    provider: m365\n    agents:\n"+strings.Repeat("      - zzzzzzzz\n",50000),
  "boxes": h+mem(2000)+"mailboxes:\n"+boxes.String(),
  "rules": h+mem(1)+"mailboxes:\n  a@contoso.com:\n    provider: m365\n    agents: m0\n    rules:\n"+rl.String(),
  "regexps": h+mem(1)+"mailboxes:\n  a@contoso.com:\n    provider: m365\n    agents: m0\n    rules:\n"+rx.String(),
  "list of lists": "a:\n"+strings.Repeat("- [[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]\n",20000),
  "dashes": strings.Repeat(strings.Repeat("- ",1900)+"\n",250),
  "staircase": func()string{var b strings.Builder;for i:=range 1300{fmt.Fprintf(&b,"%sa:\n",strings.Repeat(" ",i))};return b.String()}(),
  "text": "a: |\n"+strings.Repeat("  xxxxxxxxxxxxxxxx\n",50000),
  "folded": "a: xxx\n"+strings.Repeat("  xxxxxxxxxxxxxxxx\n",50000),
  "quoted": "a: \""+strings.Repeat("xxx\\n\n ",150000)+"\"",
  "comments": strings.Repeat("#\n",500000),
  "colons": strings.Repeat(strings.Repeat("a: ",1300)+"\n",200),
  "questions": strings.Repeat("? ",1900)+"\n",
  "questions lines": strings.Repeat("? a\n",200000),
  "flow maps": "a: {"+strings.Repeat("a: {b: c},\n",90000)+"}",
  "braces lines": strings.Repeat("{}\n",300000),
 }{
  s:=time.Now(); _,err:=manifest.Parse("x",[]byte(d)); el:=time.Since(s)
  e:=""; if err!=nil{e=strings.SplitN(err.Error(),"\n",2)[0]}
  if len(e)>100{e=e[:100]}
  fmt.Printf("%-16s %8d bytes %10v %s\n",n,len(d),el.Round(time.Millisecond),e)
 }
}
