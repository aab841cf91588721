# Makes the files beside it; needs PyTorch. What is in them is what TorchFiles.cs expects.
import os, pickle, collections
import torch

here = os.path.dirname(os.path.abspath(__file__))
def tensors(dtype):
    return collections.OrderedDict([
        ("a.weight", torch.arange(12).reshape(3, 4).to(dtype)),
        ("a.bias", (torch.arange(4) - 2).to(dtype)),
    ])

module = torch.nn.Linear(4, 3)
with torch.no_grad():
    module.weight.copy_(torch.arange(12).reshape(3, 4))
    module.bias.copy_(torch.arange(3))
torch.save(module.state_dict(), os.path.join(here, "module.bin"))
torch.save(module.state_dict(), os.path.join(here, "module-legacy.bin"), _use_new_zipfile_serialization=False)
for name, dtype in [("f16", torch.float16), ("bf16", torch.bfloat16), ("i64", torch.int64), ("f64", torch.float64)]:
    torch.save(tensors(dtype), os.path.join(here, name + ".bin"))
whole = torch.arange(12, dtype=torch.float32)
torch.save({"first": whole[:4], "second": whole[4:].reshape(2, 4), "again": whole[:4]}, os.path.join(here, "shared.bin"))
torch.save({"epoch": 3, "loss": 0.5, "state_dict": tensors(torch.float32)}, os.path.join(here, "trainer.bin"))
torch.save({"w": torch.nn.Parameter(torch.ones(2))}, os.path.join(here, "parameter.bin"))
torch.save({"w": torch.arange(6.0).reshape(2, 3).t()}, os.path.join(here, "turned.bin"))
torch.save({"w": torch.ones(2), "x": module}, os.path.join(here, "object.bin"))

class Runs:
    def __reduce__(self):
        return (os.system, ("touch was-run",))

torch.save({"w": torch.ones(2), "x": Runs()}, os.path.join(here, "runs.bin"))
torch.save({"w": torch.ones(2), "x": Runs()}, os.path.join(here, "runs-legacy.bin"), _use_new_zipfile_serialization=False)
with open(os.path.join(here, "plain.bin"), "wb") as file:
    pickle.dump({"w": 1}, file)
