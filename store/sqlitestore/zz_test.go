package sqlitestore_test
import ("testing";"os";"fmt";"time";"sync";"github.com/payonce/payonce/store/sqlitestore")
func TestSaturate(t *testing.T){
	path := os.Getenv("SAT")
	if path=="" {return}
	store, err := sqlitestore.Open(path)
	if err!=nil {fmt.Println("OPEN",err);return}
	var mu sync.Mutex
	var worst time.Duration; n:=0; fails:=0
	var wg sync.WaitGroup
	end:=time.Now().Add(6*time.Second)
	for w := range 32 { wg.Go(func(){ for i:=0; time.Now().Before(end); i++ { t0:=time.Now(); _,err:=store.Claim(t.Context(),record(fmt.Sprintf("%d-%d-%d",os.Getpid(),w,i))); d:=time.Since(t0); mu.Lock(); n++; worst=max(worst,d); if err!=nil {fails++; if fails==1 {fmt.Println(err)}}; mu.Unlock() } }) }
	wg.Wait()
	fmt.Println("claims",n,"worst",worst,"fails",fails)
	store.Close()
}
