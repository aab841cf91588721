using MergeTasks.Bench.Engine;

// Usage: dotnet run -c Release --project bench/MergeTasks.Bench.Engine -- speed|memory [folder for the generated model]
var folder = args.Length > 1 ? args[1] : Path.Combine(Path.GetTempPath(), "mergetasks-bench");
switch (args.FirstOrDefault())
{
    case "speed":
        return SpeedReport.Run(Path.Combine(folder, "small"));
    case "memory":
        return MemoryReport.Run(Path.Combine(folder, "billion"));
    default:
        Console.Error.WriteLine("Say 'speed' (tokens per second of a 12-layer model) or 'memory' (peak memory of a 1-billion-parameter model).");
        return 2;
}
