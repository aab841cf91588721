using System.Diagnostics;
using System.Globalization;
using MergeTasks.Bench.Study;
using MergeTasks.Caching;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Processor;

if (args is ["--help"])
{
    Console.WriteLine(StudyOptions.Help);
    return 0;
}

StudyOptions options;
try
{
    options = StudyOptions.Parse(args);
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{StudyOptions.Help}");
    return 1;
}

if (!Directory.Exists(options.Models))
{
    Console.Error.WriteLine($"There is no folder '{options.Models}'. Run this in the root of the repository, or name one with --models.");
    return 1;
}

var watch = Stopwatch.StartNew();
var engine = new CpuEngine(new EngineOptions { Threads = options.Threads });
using var baseModel = engine.Load(Path.Combine(options.Models, options.Base));
var heldOut = new HeldOut(options, baseModel);
var measuredBase = heldOut.Measure(baseModel);
var tuned = new List<Measured>();
foreach (var task in options.Tasks)
{
    using var model = engine.Load(Path.Combine(options.Models, task));
    tuned.Add(heldOut.Measure(model));
}

// Decompositions take minutes even on small models.
var methods = options.Methods.Count > 0 ? options.Methods : [.. MergeMethods.All
    .Where(method => !method.MakesAdapter && method.Name is not ("tsv" or "passthrough") && !method.BaseIsParticipant
        && method.MinModels <= options.Tasks.Count && method.MaxModels >= options.Tasks.Count)
    .Select(method => method.Name).OrderBy(name => name == "task_arithmetic" ? 0 : 1)];
using var trial = new MergeOnTrial(options, engine, CacheFolder.Resolve(null, Environment.GetEnvironmentVariable));
var curves = new List<Curve>();
foreach (var method in methods)
{
    foreach (var variant in (method == "task_arithmetic" ? Variant.Usual.Concat(Variant.OfTaskArithmetic) : Variant.Usual)
        .Where(variant => variant == Variant.Plain || options.Wants(variant.Name)))
    {
        try
        {
            using var merged = trial.Make(method, variant);
            var points = new List<CurvePoint>();
            foreach (var factor in options.Factors)
            {
                using var model = merged.In(baseModel, factor);
                points.Add(Curve.PointOf(factor, heldOut.Measure(model), measuredBase, tuned));
            }

            curves.Add(new Curve(method, variant.Name, points));
            var best = curves[^1].Best;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{watch.Elapsed.TotalSeconds,6:0} s  {method}, {variant.Name}: factor {best.Factor}, recovery {best.Odd.Value:0.000}, "
                    + $"exact {best.Exact:0.00}, KL {best.Divergence:0.00}"));
        }
        catch (DiagnosticException e)
        {
            Console.WriteLine($"{watch.Elapsed.TotalSeconds,6:0} s  {method}, {variant.Name}: left out, {e.Diagnostics[0].Message}");
        }
    }
}

File.WriteAllText(options.Out + ".md", StudyText.Of(options, curves));
File.WriteAllText(options.Out + ".svg", StudyChart.Of(curves));
Console.WriteLine($"{watch.Elapsed.TotalSeconds,6:0} s  {options.Out}.md and {options.Out}.svg written.");
return 0;
