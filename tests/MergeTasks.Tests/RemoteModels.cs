using System.IO.Compression;
using System.Text;
using MergeTasks.TestSupport.Servers;

namespace MergeTasks.Tests;

/// <summary>A newcomer's project whose models come from a Hub and a feed, both on loopback.</summary>
[Collection(PackageTests.Name)]
public sealed class RemoteModels : IDisposable
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
        _feed.Push("Contoso.Math", "1.1.0", TestPackage.Of("Contoso.Math", "1.1.0", Directory.GetFiles(Model("math")).Select(path => ("content/model/" + Path.GetFileName(path), File.ReadAllBytes(path)))));
        File.WriteAllText(_consumer["nuget.config"], $"""<configuration><packageSources><clear /><add key="local" value="{package.Feed}" />{_feed.Source("models")}</packageSources></configuration>""");
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
        Assert.All(Directory.GetFiles(_consumer["app"], "*", SearchOption.AllDirectories), path => Assert.DoesNotContain(Token, Encoding.Latin1.GetString(File.ReadAllBytes(path)), StringComparison.Ordinal));

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
        var blob = Directory.GetFiles(_consumer["hugging face", "hub", "models--org--code", "blobs"]).MaxBy(path => new FileInfo(path).Length)!;
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

    private static string Model(string name) => Path.Combine(Package.Repository, "example-project", "models", name);

    private static string Decompressed(string log)
    {
        using var file = new GZipStream(File.OpenRead(log), CompressionMode.Decompress);
        using var content = new MemoryStream();
        file.CopyTo(content);
        return Encoding.UTF8.GetString(content.ToArray());
    }
}
