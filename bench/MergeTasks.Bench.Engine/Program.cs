using MergeTasks.Bench.Engine;
#if WITH_TORCH
using MergeTasks.Transformers.Engine;
#endif

// Usage: dotnet run -c Release --project bench/MergeTasks.Bench.Engine -- COMMAND [FOLDER] [PYTHON]
//   speed   tokens per second of a 12-layer model, generated in FOLDER, beside PyTorch, which PYTHON (/usr/bin/python3) must have
//   engines the same, this engine beside that on TorchSharp on each of its devices; needs -p:WithTorch=true
//   engines-smol  the same, with the sizes of SmolLM2 135M
//   device  checks of the engine on TorchSharp, and its tokens per second (speed: these alone), as: device cpu|cuda [speed]; the same needs
//   memory  peak memory of a 1-billion-parameter model, generated in FOLDER
//   smol    as speed, with the sizes of SmolLM2 135M
//   streaming  peak memory of a 7-billion-parameter model of which a part only may stay in memory, generated in FOLDER (13.5 GB)
//   start   the first passes of the model in FOLDER in a fresh process
var folder = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "mergetasks-bench");
switch (args.FirstOrDefault())
{
    case "speed":
        return SpeedReport.Run(RandomLlama.Small, Path.Combine(folder, "small"), args.Length > 2 ? args[2] : "/usr/bin/python3");
    case "smol":
        return SpeedReport.Run(RandomLlama.Smol, Path.Combine(folder, "smol"), args.Length > 2 ? args[2] : "/usr/bin/python3");
#if WITH_TORCH
    case "engines":
        return EnginesReport.Run(RandomLlama.Small, Path.Combine(folder, "small"));
    case "engines-smol":
        return EnginesReport.Run(RandomLlama.Smol, Path.Combine(folder, "smol"));
    case "device" when args.Length is 2 or 3 && args[1] is "cpu" or "cuda" && args.ElementAtOrDefault(2) is null or "speed":
        return DeviceReport.Run(
            args[1] == "cuda" ? DeviceKind.Cuda : DeviceKind.Processor,
            Path.Combine(Path.GetTempPath(), "mergetasks-bench", "small"),
            checks: args.Length == 2);
#endif
    case "memory":
        return MemoryReport.Run(Path.Combine(folder, "billion"));
    case "streaming":
        return StreamingReport.Run(Path.Combine(folder, "seven-billion"));
    case "start" when args.Length > 1:
        return StartReport.Run(folder);
    default:
        Console.Error.WriteLine(
            "usage: speed|smol|engines|engines-smol|memory|streaming [FOLDER for generated models] [PYTHON with PyTorch], device cpu|cuda [speed], or "
                + "start FOLDER of a model");
        return 2;
}
