package presets;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RestController;

/** A Spring Boot application. The test gives its settings as arguments. */
@SpringBootApplication
@RestController
public class App {
  public static void main(String[] arguments) {
    SpringApplication.run(App.class, arguments);
  }

  @GetMapping("/{status}/{milliseconds}")
  ResponseEntity<Void> answer(@PathVariable("status") int status, @PathVariable("milliseconds") long milliseconds)
      throws InterruptedException {
    Thread.sleep(milliseconds);
    return ResponseEntity.status(status).build();
  }

  @GetMapping("/crash")
  void crash() {
    throw new IllegalStateException("a bug");
  }
}
