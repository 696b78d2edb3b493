"""Several processes that train together: started, agreed, shared out, and proved equal to one."""
