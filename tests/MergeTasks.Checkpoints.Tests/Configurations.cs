using System.Text;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Tests;

/// <summary>What <c>config.json</c> holds that JSON does not know.</summary>
public sealed class Configurations : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mergetasks-config").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Infinity_as_Python_writes_it_is_a_number()
    {
        Write("""{"time_step_limit": [0.0, Infinity], "low":-Infinity, "text": "Infinity \" Infinity", "num_hidden_layers": 3}""");
        var config = ModelConfig.Read(_folder);
        Assert.Equal(
            """{"time_step_limit": [0.0, 1e999], "low":-1e999, "text": "Infinity \" Infinity", "num_hidden_layers": 3}""",
            Encoding.UTF8.GetString(config.Text));
        Assert.Equal(double.PositiveInfinity, config.Member("time_step_limit")[1].GetDouble());
        Assert.Equal(3, config.LayerCount);
    }

    [Fact]
    public void Other_bytes_stay()
    {
        const string text = "{\"hidden_size\": 4,\n\t\"b\": null}\n";
        Write(text);
        Assert.Equal(text, Encoding.UTF8.GetString(ModelConfig.Read(_folder).Text));
    }

    [Fact]
    public void No_number_stays_an_error()
    {
        Write("""{"a": NaN}""");
        Assert.Equal(CheckpointError.BadConfig, Assert.Throws<CheckpointException>(() => ModelConfig.Read(_folder)).Error);
    }

    private void Write(string text) => File.WriteAllText(Path.Combine(_folder, "config.json"), text);
}
