using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Tool.Tests;

/// <summary><c>plan</c>, <c>merge</c> and <c>verify</c>: a recipe without a project file.</summary>
public sealed class Merging : IDisposable
{
    private const string Recipe = """
        merge_method: linear
        models:
          - model: a
            parameters: {weight: 1}
          - model: b
            parameters: {weight: 3}
        """;

    private readonly ToolFolder _folder = new();
    private readonly RawTensor _a = RandomTensors.F32(1, 30, 7);
    private readonly RawTensor _b = RandomTensors.F32(2, 30, 7);

    public Merging()
    {
        _folder.Model("a", ("up.weight", _a), ("norm.weight", RawTensor.F32([2], 1, 2)));
        _folder.Model("b", ("up.weight", _b), ("norm.weight", RawTensor.F32([2], 3, 2)));
        _folder.File("recipe.yml", Recipe);
    }

    [Fact]
    public void A_recipe_becomes_a_model_and_again_nothing()
    {
        var planned = _folder.Run("plan", "recipe.yml", "out", "--json").Json.GetProperty("merges")[0];
        Assert.Equal((2, false), (planned.GetProperty("staleTensors").GetInt32(), planned.GetProperty("isUpToDate").GetBoolean()));
        Assert.False(Directory.Exists(_folder["out"]));

        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "out").Code);
        var made = TestCheckpoint.Read(_folder["out"])["up.weight"].Floats();
        Assert.All(made.Index(), one =>
            Assert.Equal((_a.Floats()[one.Index] + (3 * _b.Floats()[one.Index])) / 4, one.Item, 1e-6f));
        Assert.Contains("up to date", _folder.Run("plan", "recipe.yml", "out").Output, StringComparison.Ordinal);

        // It is the recipe's, wherever the tool is started.
        Assert.Contains("up to date", _folder.RunIn(_folder["a"], "merge", "../recipe.yml", "../out").Output, StringComparison.Ordinal);
        _folder.File("recipe.yml", Recipe.Replace("weight: 3", "weight: 1", StringComparison.Ordinal));
        Assert.Contains("2 of 2 tensors merged by linear", _folder.Run("merge", "recipe.yml", "out").Output, StringComparison.Ordinal);

        // And no other's.
        File.Copy(_folder["recipe.yml"], _folder["other.yml"]);
        var refused = _folder.Run("merge", "other.yml", "out");
        Assert.Equal(ExitCode.Failed, refused.Code);
        Assert.Contains("error MTK7003", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mistake_is_told_as_a_compiler_tells_it()
    {
        _folder.File("recipe.yml", Recipe + "\nmerge_metod: ties\n");
        var refused = _folder.Run("merge", "recipe.yml", "out", "--json");
        Assert.Equal(ExitCode.Failed, refused.Code);
        Assert.Matches(@"recipe\.yml\(\d+,1\): error MTK2002: .*merge_metod.* \[https://.*/docs/errors/MTK2002\.md\]", refused.Error);
        var problem = refused.Json.GetProperty("problems")[0];
        Assert.Equal(("MTK2002", 1), (problem.GetProperty("code").GetString(), problem.GetProperty("column").GetInt32()));
        Assert.EndsWith("MTK2002.md", problem.GetProperty("helpLink").GetString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
        Assert.Contains("MTK2007", _folder.Run("plan", "nowhere.yml").Error, StringComparison.Ordinal);
        Assert.Contains("dotnet build", _folder.Run("plan", "app.csproj").Error, StringComparison.Ordinal);
        Assert.Contains("MTK1003", _folder.Run("plan", "recipe.yml", "--set", "Seed").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_of_mergekit_have_their_names()
    {
        var random = Recipe.Replace("linear", "dare_linear", StringComparison.Ordinal);
        _folder.File("recipe.yml", random + "\nbase_model: a\nparameters: {density: 0.5}\n");
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "0", "-q").Code);
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "1", "-q", "--random-seed", "1", "--out-shard-size", "1B").Code);
        Assert.NotEqual(Bytes("0"), Bytes("1"));

        // Billions of bytes in one file, thousands in several.
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "2", "--out-shard-size", "500").Code);
        Assert.True(Directory.GetFiles(_folder["2"], "*.safetensors").Length > 1);
        Assert.Contains("nothing reads", _folder.Run("merge", "recipe.yml", "3", "--set", "Densty=1").Error, StringComparison.Ordinal);
        string[] set = ["--set", "Compatibility=mergekit", "--set", "DType=bfloat16"];
        Assert.Equal(ExitCode.Done, _folder.Run(["merge", "recipe.yml", "4", .. set]).Code);
        Assert.Equal("BF16", TestCheckpoint.Read(_folder["4"])["up.weight"].DType);

        // Those that change nothing are taken, and told where somebody may have counted on them.
        var page = File.ReadLines(Path.Combine(RepositoryFolder.Root, "docs", "coming-from-mergekit.md"))
            .Where(line => line.StartsWith("| `--", StringComparison.Ordinal)).Select(line => line.Split('`')[1]).ToList();
        Assert.True(page.Count > 20);
        string[] values =
        [
            "--device", "--lora-merge-cache", "--lora-merge-dtype", "--transformers-cache", "--write-threads", "--num-threads",
            "--random-seed", "--out-shard-size",
        ];
        var all = _folder.Run(
            ["merge", "recipe.yml", "5", .. page.SelectMany(name => values.Contains(name) ? new[] { name, "1" } : [name])]);
        Assert.Equal((ExitCode.Done, ""), (all.Code, all.Code == ExitCode.Done ? "" : all.Error));
        Assert.Contains("--cuda changes nothing", all.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("--safe-serialization", all.Error, StringComparison.Ordinal);

        byte[] Bytes(string name) => File.ReadAllBytes(_folder[name, "model.safetensors"]);
    }

    [Fact]
    public void Steps_of_a_recipe_lie_beside_the_model()
    {
        var second = Recipe.Replace("model: b", "model: step", StringComparison.Ordinal);
        _folder.File("recipe.yml", $"name: step\n{Recipe}\n---\n{second}");
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "out").Code);
        Assert.True(File.Exists(_folder["out", "model.safetensors"]));
        Assert.True(File.Exists(_folder["out-steps", "step", "model.safetensors"]));
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "out2", "--intermediate-dir", "steps").Code);
        Assert.True(File.Exists(_folder["steps", "step", "model.safetensors"]));
    }

    [Fact]
    public void Verify_finds_what_was_changed()
    {
        Assert.Equal(ExitCode.Done, _folder.Run("merge", "recipe.yml", "out").Code);
        var intact = _folder.Run("verify", "out");
        Assert.Equal(ExitCode.Done, intact.Code);
        Assert.Contains("as its merge wrote it", intact.Output, StringComparison.Ordinal);

        // The time of writing does not tell.
        var weights = _folder["out", "model.safetensors"];
        var (bytes, time) = (File.ReadAllBytes(weights), File.GetLastWriteTimeUtc(weights));
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        File.SetLastWriteTimeUtc(weights, time);
        File.AppendAllText(_folder["out", "config.json"], " ");
        File.Copy(weights, _folder["out", "model-00001-of-00002.safetensors"]);
        var changed = _folder.Run("verify", "out", "--json");
        Assert.Equal(ExitCode.No, changed.Code);
        var differences = changed.Json.GetProperty("differences").EnumerateArray()
            .Select(one => $"{one.GetProperty("file").GetString()}: {one.GetProperty("difference").GetString()}").ToList();
        Assert.Equal(3, differences.Count);
        Assert.Contains("config.json: was changed", differences);
        Assert.Contains(differences, one => one.StartsWith("model.safetensors: tensor '", StringComparison.Ordinal));
        Assert.Contains(differences, one => one.StartsWith("model-00001-of-00002.safetensors: ", StringComparison.Ordinal));

        File.WriteAllBytes(weights, bytes[..^1]);
        File.Delete(_folder["out", "config.json"]);
        var broken = _folder.Run("verify", "out").Output;
        Assert.Contains("model.safetensors: cannot be read", broken, StringComparison.Ordinal);
        Assert.Contains("config.json: is missing", broken, StringComparison.Ordinal);

        File.WriteAllText(_folder["out", "merge.manifest.json"], "{");
        Assert.Contains("error MTK7020", _folder.Run("verify", "out").Error, StringComparison.Ordinal);
        Assert.Contains("error MTK7020", _folder.Run("verify", "a").Error, StringComparison.Ordinal);
        Assert.Contains("error MTK3001", _folder.Run("verify", "nowhere").Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
