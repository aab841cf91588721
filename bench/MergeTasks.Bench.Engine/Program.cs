using MergeTasks.Bench.Engine;

// Usage: dotnet run -c Release --project bench/MergeTasks.Bench.Engine -- speed|memory [folder for the generated model] [python]
// The speed is compared with PyTorch, which the given python (/usr/bin/python3) must have.
var folder = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "mergetasks-bench");
switch (args.FirstOrDefault())
{
    case "speed":
        return SpeedReport.Run(Path.Combine(folder, "small"), args.Length > 2 ? args[2] : "/usr/bin/python3");
    case "memory":
        return MemoryReport.Run(Path.Combine(folder, "billion"));
    default:
        Console.Error.WriteLine("Say 'speed' (tokens per second of a 12-layer model, beside PyTorch) or 'memory' (peak memory of a 1-billion-parameter model).");
        return 2;
}
