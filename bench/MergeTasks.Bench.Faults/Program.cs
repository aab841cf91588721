using MergeTasks.Bench.Faults;

// What the processes that are killed, starved and lied to do.
if (args is ["work", var folder, var variant, .. var rest])
    return Worker.Run(folder, variant, rest);
if (FaultOptions.Parse(args) is not { } options)
{
    Console.Error.WriteLine(FaultOptions.Usage);
    return 1;
}

var report = new FaultReport();
switch (options.Kind)
{
    case "kill":
        new KilledRuns(options, report).Run();
        break;
    case "inject":
        new FailingCalls(options, report).Run();
        break;
    case "disk":
        new FullDisk(options, report).Run();
        break;
    case "change":
        new ChangingInputs(options, report).Run();
        break;
    case "cache":
        new LostCache(options, report).Run();
        break;
    default:
        new RunsTogether(options, report).Run();
        break;
}

return report.Print();
