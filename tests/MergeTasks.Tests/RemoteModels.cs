using System.IO.Compression;
using System.Text;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Tests;

/// <summary>A newcomer's project whose models come from a Hub and a feed, both on loopback.</summary>
public sealed class RemoteModels : IClassFixture<Package>, IDisposable
{
    private const string Token = "hf_NobodyMaySeeThis";
    private const string Items = """
            <MergedModel Include="average" Method="linear" />
            <MergeSource Include="hf:org/code@main" Weight="1" />
            <MergeSource Include="nuget:Contoso.Math/[1.0,2.0)" Weight="1" />
        """;

    private readonly LoopbackHub _hub = new();
    private readonly LoopbackFeed _feed = new();
    private readonly Consumer _consumer;

    public RemoteModels(Package package)
    {
        _consumer = new Consumer(package);
        _hub.PushFolder("org/code", "main", Model("code"));
        _feed.Push(
            "Contoso.Math",
            "1.1.0",
            TestPackage.Of(
                "Contoso.Math",
                "1.1.0",
                Directory.GetFiles(Model("math")).Select(path => ("content/model/" + Path.GetFileName(path), File.ReadAllBytes(path)))));
        File.WriteAllText(
            _consumer["nuget.config"],
            $"""<configuration><packageSources><clear /><add key="local" value="{package.Feed}" />{_feed.Source("models")}</packageSources></configuration>""");
        _consumer.Variables["HF_ENDPOINT"] = _hub.Endpoint;
        _consumer.Variables["HF_TOKEN"] = Token;
        _hub.Protect("org/code", Token);

        // A merge of the same models as plain folders, to compare with.
        _consumer.Project("""
                <MergedModel Include="average" Method="linear" />
                <MergeSource Include="../app/models/code;../app/models/math" Weight="1" />
            """, name: "plain");
    }

    public void Dispose()
    {
        _hub.Dispose();
        _feed.Dispose();
        _consumer.Dispose();
    }

    [Fact]
    public void From_cold_to_warm_to_damaged()
    {
        _consumer.Project(Items, "<MergedModelsOutputPath>../out</MergedModelsOutputPath>");
        var log = _consumer["cold.binlog"];
        var cold = _consumer.Build($"-bl:{log}");
        Assert.Contains("Fetching", cold.Output, StringComparison.Ordinal);
        var weights = File.ReadAllBytes(_consumer["out", "average", "model.safetensors"]);
        Assert.True(_consumer.Run("plain", "build").Succeeded);
        Assert.Equal(File.ReadAllBytes(_consumer["plain", "bin", "Debug", "models", "average", "model.safetensors"]), weights);

        // No token in what people share: logs, and what the build leaves.
        Assert.DoesNotContain(Token, cold.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, Decompressed(log), StringComparison.Ordinal);
        Assert.All(
            Directory.GetFiles(_consumer["app"], "*", SearchOption.AllDirectories),
            path => Assert.DoesNotContain(Token, Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal));

        // Warm, with the servers gone: nothing to do, then nothing even to plan; and again from nothing but the caches.
        _hub.Dispose();
        _feed.Dispose();
        Assert.Empty(_consumer.Merged("--no-restore"));
        Assert.Empty(_consumer.Merged("--no-restore"));
        Directory.Delete(_consumer["out"], recursive: true);
        Directory.Delete(_consumer["app", "obj", "merges"], recursive: true);
        Assert.Equal(["average"], _consumer.Merged("--no-restore", "-p:ModelsOffline=true", "-p:ModelsLockedMode=true"));
        Assert.Equal(weights, File.ReadAllBytes(_consumer["out", "average", "model.safetensors"]));
        Assert.Empty(_consumer.Merged("--no-restore"));

        // A byte of a cached file.
        var blob =
            Directory.GetFiles(_consumer["hugging face", "hub", "models--org--code", "blobs"]).MaxBy(path => new FileInfo(path).Length)!;
        var bytes = File.ReadAllBytes(blob);
        bytes[^1] ^= 1;
        File.WriteAllBytes(blob, bytes);
        var damaged = _consumer.Run("app", "build", "--no-restore");
        Assert.Matches(@"app\.csproj\(6,\d+\): error MTK3047: 'model\.safetensors' of 'hf:org/code@main'", damaged.Output);
        Assert.Contains(Path.GetFileName(blob), damaged.Output, StringComparison.Ordinal);
        Assert.Contains(LoopbackHub.Sha256(bytes), damaged.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", damaged.Output, StringComparison.Ordinal);
        Assert.Equal(weights, File.ReadAllBytes(_consumer["out", "average", "model.safetensors"]));
    }

    [Fact]
    public void A_branch_that_moves_and_a_lock_that_must_not()
    {
        // mergekit's own way to name a repository, in a recipe.
        File.WriteAllText(
            _consumer["app", "recipe.yml"],
            "merge_method: linear\nmodels:\n  - model: org/code@main\n    parameters: {weight: 1}\n  - model: models/math\n    "
                + "parameters: {weight: 1}\n");
        _consumer.Project("""<MergedModel Include="recipe.yml" />""");
        var offline = _consumer.Run("app", "build", "-p:ModelsOffline=true");
        Assert.Matches(@"recipe\.yml\(3,12\): error MTK3048: 'hf:org/code@main'", offline.Output);
        var locked = _consumer.Run("app", "build", "-p:ModelsLockedMode=true");
        Assert.Matches(@"recipe\.yml\(3,12\): error MTK3046:", locked.Output);
        Assert.Empty(_hub.Requests);

        // Restoring is a target of its own.
        var restored = _consumer.Run("app", "build", "-t:RestoreModels");
        Assert.True(restored.Succeeded, restored.Output);
        Assert.False(Directory.Exists(_consumer.Output()));
        var pinned = File.ReadAllText(_consumer["app", "models.lock.json"]);
        Assert.Equal(["recipe"], _consumer.Merged("-p:ModelsLockedMode=true"));

        // The branch moves: nothing happens until the lock is renewed.
        var commit = _hub.Push(
            "org/code", "main", Directory.GetFiles(Model("manual")).Select(path => (Path.GetFileName(path), File.ReadAllBytes(path))));
        Assert.Empty(_consumer.Merged());
        Assert.Equal(pinned, File.ReadAllText(_consumer["app", "models.lock.json"]));
        Assert.Equal(["recipe"], _consumer.Merged("-p:UpdateModels=true"));
        Assert.Contains(commit, File.ReadAllText(_consumer["app", "models.lock.json"]), StringComparison.Ordinal);
        Assert.Contains(commit, File.ReadAllText(_consumer.Output("recipe", "merge.manifest.json")), StringComparison.Ordinal);
        Assert.Contains(
            $"pkg:huggingface/org/code@{commit}",
            File.ReadAllText(_consumer.Output("recipe", "merge.provenance.json")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_restore_that_is_cancelled_goes_on_in_the_next_build()
    {
        _consumer.Project("""
                <MergedModel Include="average" Method="linear" />
                <MergeSource Include="hf:org/code" Weight="1" />
                <MergeSource Include="models/math" Weight="1" />
            """);
        Assert.True(_consumer.Run("app", "restore").Succeeded);
        _hub.StorageFault = (_, answer) => answer with { Pause = TimeSpan.FromMilliseconds(300) };
        using (var build = _consumer.Start("build", "--no-restore"))
        {
            build.WaitFor("Fetching models:");
            build.Interrupt();
            var cancelled = build.Wait();
            Assert.False(cancelled.Succeeded);
            Assert.Matches(@"Fetching models: [0-9.]+ [kM]B of [0-9.]+ [kM]B, [0-9.]+ [kM]B/s, [0-9:]+ left\.", cancelled.Output);
            Assert.DoesNotContain("   at ", cancelled.Output, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(_consumer["app", "models.lock.json"]));

        // The weights' part; on a busy machine small files may have been on their way, too.
        var blobs = _consumer["hugging face", "hub", "models--org--code", "blobs"];
        var had = Directory.GetFiles(blobs, "*.incomplete").Max(path => new FileInfo(path).Length);
        _hub.Forget();
        _hub.StorageFault = (_, answer) => answer;
        Assert.Equal(["average"], _consumer.Merged("--no-restore"));
        Assert.Equal($"bytes={had}-", Assert.Single(_hub.Downloads)["Range"]);
    }

    [Fact]
    public void One_teams_merge_is_another_teams_source()
    {
        foreach (var model in new[] { "code", "math" })
            File.WriteAllText(_consumer["app", "models", model, "README.md"], "---\nlicense: apache-2.0\n---\n");
        _consumer.Project("""
                <MergedModel Include="average" Method="linear" />
                <MergeSource Include="models/code;models/math" Weight="1" />
            """, "<Version>3.1.0</Version><PackageId>Team.Model</PackageId>");
        var packed = _consumer.Run("app", "pack", "-o", _consumer["team feed"]);
        Assert.True(packed.Succeeded, packed.Output);
        using (var package = ZipFile.OpenRead(_consumer["team feed", "Team.Model.3.1.0.nupkg"]))
        {
            using var reader = new StreamReader(package.GetEntry("Team.Model.nuspec")!.Open());
            var nuspec = reader.ReadToEnd();
            Assert.Contains("<packageType name=\"MergeTasksModel\" />", nuspec, StringComparison.Ordinal);
            Assert.Contains("<license type=\"expression\">Apache-2.0</license>", nuspec, StringComparison.Ordinal);
            Assert.Contains("base-model:code base-model:math", nuspec, StringComparison.Ordinal);
            Assert.Contains("<readme>content/model/README.md</readme>", nuspec, StringComparison.Ordinal);
            Assert.NotNull(package.GetEntry("content/model/merge.provenance.json"));
        }

        File.WriteAllText(
            _consumer["nuget.config"],
            File.ReadAllText(_consumer["nuget.config"])
                .Replace(
                    "</packageSources>",
                    $"""<add key="team" value="{_consumer["team feed"]}" /></packageSources>""",
                    StringComparison.Ordinal));
        _consumer.Project("""
                <MergedModel Include="next" Method="slerp" Base="nuget:Team.Model/3.1.0" T="0.5" />
                <MergeSource Include="../app/models/manual" />
            """, name: "other");
        var built = _consumer.Run("other", "build");
        Assert.True(built.Succeeded, built.Output);
        Assert.Contains(
            "pkg:nuget/Team.Model@3.1.0",
            File.ReadAllText(_consumer["other", "bin", "Debug", "models", "next", "merge.provenance.json"]),
            StringComparison.Ordinal);
        Assert.Contains("\"nuget:Team.Model/3.1.0\"", File.ReadAllText(_consumer["other", "models.lock.json"]), StringComparison.Ordinal);
    }

    private static string Model(string name) => Path.Combine(Package.Repository, "example-project", "models", name);

    private static string Decompressed(string log)
    {
        using var file = new GZipStream(File.OpenRead(log), CompressionMode.Decompress);
        using var content = new MemoryStream();
        file.CopyTo(content);
        return Encoding.UTF8.GetString(content.ToArray());
    }
}
