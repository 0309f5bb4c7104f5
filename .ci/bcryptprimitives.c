/* Rust's std takes random bytes from ProcessPrng of bcryptprimitives.dll, which Wine 8 lacks. RtlGenRandom is the
   older door to the same generator. Built and put into Wine's system32 by the script "wine" beside this file. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return RtlGenRandom(data, (ULONG)length);
}
