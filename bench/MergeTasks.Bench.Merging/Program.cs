using System.Globalization;
using MergeTasks.Bench.Merging;
using MergeTasks.Language.Options;

if (args is ["merge", var method, var folder, var threads])
{
    new MergeSubject(folder, int.Parse(threads, CultureInfo.InvariantCulture)).RunHere(method);
    return 0;
}

if (args is ["scoring", var trained])
{
    new ScoringOverhead(Path.GetFullPath(trained), Environment.ProcessorCount, rounds: 15).Print();
    return 0;
}

if (args is ["scoring", var pattern, "enlarged"])
{
    using var enlarged = new EnlargedModels(Path.GetFullPath(pattern));
    new ScoringOverhead(enlarged.Folder, Environment.ProcessorCount, rounds: 3).Print();
    return 0;
}

if (args is ["language-models", var written, var from])
{
    LanguageModels.Write(Path.GetFullPath(written), Path.GetFullPath(from));
    return 0;
}

if (args is ["scoring", "shared", var sharing, var url])
{
    new WholeScoring(Path.GetFullPath(sharing), Environment.ProcessorCount).PrintShared(url);
    return 0;
}

if (args is ["scoring", "whole", var language, var wholeRounds])
{
    new WholeScoring(Path.GetFullPath(language), Environment.ProcessorCount)
        .Print(int.Parse(wholeRounds, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["matrices", var finetunes, var methods])
{
    WholeMatrices.Measure(Path.GetFullPath(finetunes), methods, rounds: 3);
    return 0;
}

if (args is ["matrices", var rows, var columns, var methodsOfOne])
{
    WholeMatrices.MeasureOne(int.Parse(rows, CultureInfo.InvariantCulture), int.Parse(columns, CultureInfo.InvariantCulture), methodsOfOne);
    return 0;
}

if (args is ["planning", "70b"])
{
    PlanningMemory.Measure70B();
    return 0;
}

if (args is ["planning", var many, var tensors])
{
    PlanningMemory.Measure(int.Parse(many, CultureInfo.InvariantCulture), int.Parse(tensors, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["plan", var planned])
{
    PlanningMemory.RunHere(planned);
    return 0;
}

if (args is ["large", var large] && ByteSize.Parse(large) is { } bytes)
{
    LargeMerge.Measure(bytes);
    return 0;
}

if (args is ["reads", var readSize, var readRounds] && ByteSize.Parse(readSize) is { } readBytes)
{
    ReadingWays.Measure(readBytes, int.Parse(readRounds, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["range", var each, var times] && ByteSize.Parse(each) is { } modelBytes)
{
    RangeChecks.Measure(modelBytes, int.Parse(times, CultureInfo.InvariantCulture));
    return 0;
}

var isSideBySide = args is ["side-by-side", ..];
var others = isSideBySide ? args.Skip(1).TakeWhile(text => !text.StartsWith('-')).ToList() : [];
if (BenchOptions.Parse(isSideBySide ? args[(1 + others.Count)..] : args) is not { } options)
{
    Console.Error.WriteLine(BenchOptions.Usage);
    return 1;
}

if (Directory.Exists(options.Folder))
{
    Console.Error.WriteLine($"'{options.Folder}' exists; name a new folder, because it is removed afterwards.");
    return 1;
}

Directory.CreateDirectory(options.Folder);
try
{
    if (isSideBySide)
    {
        new MergesSideBySide(options).Measure(others);
        return 0;
    }

    var models = new GeneratedModels(options.Folder, options.Size);
    Console.Error.WriteLine("generating checkpoints");
    models.Write();
    new MergeSubject(options.Folder, options.Threads).DigestInputs();
    var measurements = new Measurements();
    var subjects = new Subjects(options, models, measurements);
    for (var round = 1; round <= options.Rounds; round++)
    {
        Console.Error.WriteLine($"round {round} of {options.Rounds}");
        subjects.MeasureOnce();
    }

    subjects.Compare();
    Console.WriteLine($"{models.Length} bytes per checkpoint, {options.Rounds} rounds, {options.Threads} threads\n");
    measurements.Print(Console.Out);
}
finally
{
    Directory.Delete(options.Folder, recursive: true);
}

return 0;
