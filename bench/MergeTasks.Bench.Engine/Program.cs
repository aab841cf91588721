using MergeTasks.Bench.Engine;

// Usage: dotnet run -c Release --project bench/MergeTasks.Bench.Engine -- COMMAND [FOLDER] [PYTHON]
//   speed   tokens per second of a 12-layer model, generated in FOLDER, beside PyTorch, which PYTHON (/usr/bin/python3) must have
//   engines the same, this engine beside that on TorchSharp on each of its devices; needs -p:WithTorch=true
//   memory  peak memory of a 1-billion-parameter model, generated in FOLDER
//   start   the first passes of the model in FOLDER in a fresh process
var folder = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "mergetasks-bench");
switch (args.FirstOrDefault())
{
    case "speed":
        return SpeedReport.Run(Path.Combine(folder, "small"), args.Length > 2 ? args[2] : "/usr/bin/python3");
#if WITH_TORCH
    case "engines":
        return EnginesReport.Run(Path.Combine(folder, "small"));
#endif
    case "memory":
        return MemoryReport.Run(Path.Combine(folder, "billion"));
    case "start" when args.Length > 1:
        return StartReport.Run(folder);
    default:
        Console.Error.WriteLine("usage: speed|engines|memory [FOLDER for generated models] [PYTHON with PyTorch], or start FOLDER of a model");
        return 2;
}
