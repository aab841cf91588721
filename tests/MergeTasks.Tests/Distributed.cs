using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Tests;

/// <summary>Machines that share a cache of scores and make parts of one output, as users and CI call them.</summary>
public sealed class Distributed(Package package) : IClassFixture<Package>
{
    private const string Token = "NobodyMaySeeThis";

    [Fact]
    public void Machines_share_scores_and_make_parts()
    {
        using var cache = new LoopbackCache();
        using var first = Machine(cache.Address);
        using var second = Machine(cache.Address);

        // The second machine computes what the first lists, and the first finds it all.
        var json = first.Build("-t:PlanScores", "-getItem:MergeScorePiece").Output;
        var listed = JsonNode.Parse(json)!["Items"]!["MergeScorePiece"]!.AsArray();
        Assert.Equal(
            Enumerable.Range(1, listed.Count).Select(number => $"{number}"), listed.Select(piece => (string)piece!["Identity"]!));
        Assert.All(listed, piece => Assert.Equal(("m", "false"), ((string)piece!["Merge"]!, (string)piece["Cached"]!)));
        var run = second.Build("-t:RunScore", "-p:Piece=1/1", "-v:m").Output;
        Assert.Contains($"{listed.Count}  m: models/math", run, StringComparison.Ordinal);
        var log = first["built.binlog"];
        var built = first.Build("-v:n", $"-bl:{log}").Output;
        Assert.DoesNotContain("scoring", built, StringComparison.Ordinal);
        Assert.Contains("(importance by gradient): cached", built, StringComparison.Ordinal);

        // What proves who asks is sent, and stands nowhere.
        Assert.All(cache.Requests, request => Assert.Equal($"Bearer {Token}", request["Authorization"]));
        using (var zip = new GZipStream(File.OpenRead(log), CompressionMode.Decompress))
        using (var text = new MemoryStream())
        {
            zip.CopyTo(text);
            Assert.DoesNotContain(Token, Encoding.Latin1.GetString(text.ToArray()), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(Token, built, StringComparison.Ordinal);
        Assert.All(
            Directory.GetFiles(first["app"], "*", SearchOption.AllDirectories),
            path => Assert.DoesNotContain(Token, Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal));

        // Two parts, put together by a third build.
        foreach (var part in new[] { "2/2", "1/2" })
            second.Build("-t:MergeModels", $"-p:MergeShard={part}");
        Assert.False(Directory.Exists(second.Output("m")));
        second.Build("-t:MergeModels", "-p:MergeShard=assemble");
        foreach (var path in Directory.GetFiles(first.Output("m")).Where(path => Path.GetFileName(path) != ".merge.owner.json"))
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(second.Output("m", Path.GetFileName(path))));
        Assert.True(Directory.GetFiles(second.Output("m"), "*.safetensors").Length > 1);

        // The cache is down: one warning, which no project makes an error.
        cache.Dispose();
        Directory.Delete(first["cache"], recursive: true);
        Directory.Delete(first.Output("m"), recursive: true);
        var alone = first.Build("-v:m", "-p:TreatWarningsAsErrors=true", "-p:MSBuildTreatWarningsAsErrors=true").Output;
        Assert.Equal(2, alone[..alone.IndexOf("Build succeeded", StringComparison.Ordinal)].Split("warning MTK6003").Length);
        Assert.Contains("scoring", alone, StringComparison.Ordinal);

        // A mistake has a place, and its secret is not repeated.
        Declare(first, "http://me:" + Token + "@127.0.0.1/");
        var refused = first.Run("app", "build");
        Assert.Matches(@"app\.csproj\(2,\d+\): error MTK1003: The address of the shared cache holds a user name", refused.Output);
        Assert.DoesNotContain(Token, refused.Output, StringComparison.Ordinal);
    }

    private Consumer Machine(string address)
    {
        var consumer = new Consumer(package);
        Directory.CreateDirectory(consumer["app", "data"]);
        var samples = Path.Combine(Package.Repository, "example-project", "models", "data", "math.jsonl");
        File.WriteAllLines(consumer["app", "data", "math.jsonl"], File.ReadLines(samples).Take(8));
        consumer.Variables["MERGETASKS_CACHE_TOKEN"] = Token;
        Declare(consumer, address);
        return consumer;
    }

    private static void Declare(Consumer consumer, string address) => consumer.Project("""
            <MergedModel Include="m" Method="task_arithmetic" Base="models/base" Apl="layer" AplDensity="0.5" AplRescale="none"
                         MergeFactor="off" SelfCheck="false" MaxShardSize="1MB" />
            <MergeSource Include="models/math" Weight="1" TaskData="data/math.jsonl" />
        """, $"<MergeCacheUrl>{address}</MergeCacheUrl>");
}
