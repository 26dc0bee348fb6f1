#include "CFunctionRuntime.h"
