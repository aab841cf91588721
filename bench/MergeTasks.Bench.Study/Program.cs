using System.Diagnostics;
using MergeTasks.Bench.Study;
using MergeTasks.Caching;

const string Models = "example-project/models";
if (!Directory.Exists(Models) || !Directory.Exists("docs"))
{
    Console.Error.WriteLine($"Run this in the root of the repository, where '{Models}' is.");
    return 1;
}

var watch = Stopwatch.StartNew();
var cache = CacheFolder.Resolve(null, Environment.GetEnvironmentVariable);
var groups = Grid.Methods.SelectMany(method => Study.Variants.Select(variant => Grid.Candidates(method.Name, variant))).ToList();
using var merges = new StudyMerges(Models, cache, Study.Originals.Concat(groups.SelectMany(group => group)).DistinctBy(candidate => candidate.Name));
var evaluator = new Evaluator(merges, Models, cache);
var study = new Study(evaluator);
var chosen = new List<Candidate>();
Console.WriteLine($"{watch.Elapsed.TotalSeconds,6:0.0} s  {groups.Sum(group => group.Count)} merges planned");
foreach (var group in groups)
{
    chosen.Add(study.Choose(group));
    Console.WriteLine($"{watch.Elapsed.TotalSeconds,6:0.0} s  {group[0].Method} {group[0].Variant}: chosen among {group.Count}: {chosen[^1].SettingsText}");
}

var rows = study.Report(chosen);
File.WriteAllText("docs/study.md", StudyText.Of(rows, groups.Sum(group => group.Count)));
File.WriteAllText("docs/study.svg", StudyChart.Of(rows));
Console.WriteLine($"{watch.Elapsed.TotalSeconds,6:0.0} s  docs/study.md and docs/study.svg written; merges made and measured: {evaluator.Made}");
return 0;
