#include "train/agent_task.h"
